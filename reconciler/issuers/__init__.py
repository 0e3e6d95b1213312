"""Who signs: one file an issuer."""
