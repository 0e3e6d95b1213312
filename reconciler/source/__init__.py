"""Where the desired state is read from: one file a kind of source.

A source is what `reconciler.desired.source.Source` says: it has the name of a main file, reads regular files beside and
below it with a cap, and expands the patterns of ``include``. `DirectorySource` reads a directory; a kind that reads a
commit fits beside it.
"""
