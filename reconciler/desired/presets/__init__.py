"""Presets: what a kind of cluster needs, said in the words of the desired state itself."""
