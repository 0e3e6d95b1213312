"""Where the desired state is read from: one file a kind of source.

A source is what `reconciler.desired.source.Source` says: it has the name of a main file, reads regular files beside and
below it with a cap, and expands the patterns of ``include``. `DirectorySource` reads a directory once.

What is followed for a long time is what `follow.FollowedSource` says: polled cheaply, opened as one checked revision.
`GitSource` gives a commit, from its objects alone; `WorktreeSource` gives files as they stand; both can be kept as a
`Snapshot`. `Watcher` tells when looking is worth while.
"""
