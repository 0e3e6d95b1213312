"""Documents to text: one file a format; every renderer returns a string and prints nothing."""
