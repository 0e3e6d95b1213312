"""Hooks: what is done outside of files after a change. One file an action; `registry` runs them."""
