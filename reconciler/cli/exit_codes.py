"""Exit codes; users and CI depend on them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says when it ends."""

    SUCCESS = 0
    ERROR = 1
    """An error, or an apply that did only part of its work."""
    CHANGES = 2
    """Changes are pending; only from ``plan --detailed-exitcode``."""
    WARNINGS = 3
    """Warnings at worst; only from ``discover --fail-on``."""
    NOTICES = 4
    """Notices at worst; likewise."""
    USAGE = 64
    """EX_USAGE: the command line cannot be understood."""
    LOCKED = 75
    """EX_TEMPFAIL: somebody else holds the lock."""
    INTERRUPTED = 130
    TERMINATED = 143


EPILOG = """exit codes:
  0 done   1 error or partly applied   2 changes (plan --detailed-exitcode only)
  3 warnings, 4 notices at worst (discover --fail-on only)
  64 usage   75 lock held   130, 143 interrupted

Every option has a twin in the environment: --state-dir is CLUSTER_PKI_STATE_DIR.
"""
