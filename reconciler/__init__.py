"""cluster-pki: git says what the PKI should be, this package makes it so."""

__version__ = "0.1.0"
