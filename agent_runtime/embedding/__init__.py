"""Texts as vectors: by a model in this process, or by an endpoint that speaks OpenAI's protocol."""
