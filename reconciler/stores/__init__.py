"""Where files live: one file a kind of store."""
