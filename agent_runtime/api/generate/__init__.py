"""What is generated from the models: CRDs and reference pages."""
