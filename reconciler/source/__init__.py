"""Where the desired state is read from: one file a kind of source."""
