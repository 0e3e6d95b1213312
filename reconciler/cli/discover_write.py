"""``discover --write``: the desired state that adopts a cluster."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING

from reconciler.cli.options import UsageError
from reconciler.cli.session import in_automation
from reconciler.desired.spec_parts import NAME_PATTERN
from reconciler.health.document_of import UNNAMED
from reconciler.render.escape import visible

if TYPE_CHECKING:
    from reconciler.adopting.adopt import Adoption

STDOUT = "-"
#: As Kubernetes has it for names (RFC 1123).
_LONGEST = 63


def refuse_unwritable(arguments: argparse.Namespace) -> None:
    """Before anything is read: nobody waits for a file that will not be written.

    Raises:
        UsageError: options that make no sense together, or a name that no desired state may have.
        OSError: there is such a file, or no such directory.
    """
    if arguments.cluster and not re.fullmatch(NAME_PATTERN, arguments.cluster):
        msg = f"--cluster {arguments.cluster}: use lower-case letters, digits and hyphens"
        raise UsageError(msg)
    path = arguments.write
    if path is None:
        if arguments.force:
            msg = "--force: overwrites what --write names, which is missing"
            raise UsageError(msg)
        return
    if arguments.without_keys:
        msg = "--write and --without-keys: a desired state is written where the keys are, or its plan would make new ones"
        raise UsageError(msg)
    if path == STDOUT:
        return
    if not path:
        msg = "--write: give a file, or - for stdout"
        raise UsageError(msg)
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        msg = f"--write {path}: there is no such directory"
        raise FileNotFoundError(msg)
    if os.path.isdir(path):
        msg = f"--write {path}: it is a directory"
        raise IsADirectoryError(msg)
    if os.path.lexists(path) and not arguments.force:
        msg = f"--write {path}: there is such a file already; --force overwrites it"
        raise FileExistsError(msg)


def identity(name: str) -> str:
    """What a desired state may call a cluster whose kubeconfigs call it anything: ``my-cluster`` for ``My Cluster``."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST].strip("-")
    return plain if re.fullmatch(NAME_PATTERN, plain) else UNNAMED


def write(path: str, text: str) -> None:
    """Writes it, as a file that a repository may hold: there is no secret in it."""
    if path == STDOUT:
        sys.stdout.write(text)
        return
    from reconciler.stores.single import write_file  # noqa: PLC0415 - only here

    write_file(os.path.abspath(path), text.encode(), mode=0o644)


def tell_adoption(arguments: argparse.Namespace, adoption: Adoption) -> None:
    """What was written, what was not taken over, and what to do now; on stderr, because stdout is for results."""
    lines = [] if arguments.write == STDOUT else [f"Wrote {visible(arguments.write)}."]
    if adoption.notes:
        lines += ["Not taken over, or only in part:", *(f"  - {visible(note)}" for note in adoption.notes)]
    if arguments.write != STDOUT and not (adoption.empty or in_automation()):
        lines.append(f"Next: cluster-pki plan -f {visible(arguments.write)}")
    sys.stderr.write("".join(f"{line}\n" for line in lines))
