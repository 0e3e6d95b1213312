"""Every command by name, with its one-line help. The module of a command is ``reconciler.cli.NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "validate": "check the desired state: syntax, references, policy",
        "plan": "show what would change, why, and what a rotation waits for",
        "apply": "make it so: plan, confirm, carry out, phase after phase of a rotation; or carry out a saved plan",
        "run": "the long-lived reconciler: follow git, renew in time, run hooks, tell",
        "status": "show every certificate and how it is doing, and where rotations stand",
        "verify": "prove it: a TLS handshake for every connection, also in every phase ahead; what running processes serve",
        "show": "print the desired state, a plan, a certificate, the audit log",
        "discover": "read a cluster's files: which certificates it has, what is wrong with them, a desired state for them",
        "inventory": "the certificate spreadsheet: csv, json or html",
        "requests": "signing requests: list and show them, approve or deny them in the YAML, get what was signed, make a new one",
        "vault": "print the policy that a token for Vault or OpenBao needs",
        "rule": "explain a rule code such as CPK203",
        "schema": "print a JSON Schema: desired, plan, status, verification or discovery",
        "version": "print the version",
    }
)
