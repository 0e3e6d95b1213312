"""What a cluster says about its own certificates: its processes with their settings, and the files that these name."""
