"""Why a token is refused: apart from what checks tokens, for which most servers need not load a library."""


class InvalidToken(ValueError):
    """The token is not one of ours for this audience; the message says why, without the token."""
