"""cluster-pki: git says what the PKI should be, this package makes it so."""

__version__ = "0.1.0"
#: When this version was made; a clock that says an earlier day is wrong.
RELEASED = "2026-11-01"
