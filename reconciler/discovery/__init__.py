"""Reads the files of machines: what their clusters really use."""
