"""What stores really hold, read afresh: the observed model and the reader that fills it."""
