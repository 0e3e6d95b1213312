"""Obligations: a change of files is delivered when the hooks of their owner have succeeded and its probe agrees.

Level-triggered: what is owed is derived from what is on disk and what was delivered last, so a crash forgets nothing.
"""
