"""The state directory: what we remember between runs. A cache of intent; losing it must never cause a reissue."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from reconciler.observed.model import Absent, Unusable
from reconciler.plan.inventory import Inventory
from reconciler.stores.errors import StoreError, naming
from reconciler.stores.read import read_file

T = TypeVar("T")

#: Of the documents in the directory; the major number changes when an older program would misread them.
FORMAT: Final = "1.0"
#: Ten thousand records are about six megabytes.
_LIMIT: Final = 256 << 20


class StateError(StoreError):
    """The state directory, or a file in it, cannot be used."""


def default_path(*, euid: int, environ: Mapping[str, str], cluster: str, root: str) -> str:
    """Where the state of a cluster lives when nobody says otherwise.

    Args:
        euid: effective user id.
        environ: for ``XDG_STATE_HOME`` and ``HOME`` (XDG Base Directory Specification: relative values are ignored).
        cluster: name of the PKI.
        root: ``--root``, empty for none. Below it the system's place is used whoever runs us: it is writable, or
            nothing else is.

    Raises:
        StateError: there is neither a place for root nor a home.
    """
    if euid == 0 or root.rstrip("/"):
        return f"{root.rstrip('/')}/var/lib/cluster-pki/{cluster}"
    for base in (environ.get("XDG_STATE_HOME", ""), f"{environ.get('HOME', '')}/.local/state"):
        if base.startswith("/") and base != "/.local/state":
            return f"{base.rstrip('/')}/cluster-pki/{cluster}"
    place = "state directory"
    raise StateError(place, "neither XDG_STATE_HOME nor HOME says where it is", "name it with --state-dir")


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """A state directory by its path; nothing is touched until a method says so."""

    path: str

    @property
    def lock_path(self) -> str:
        """The permanent lock file."""
        return f"{self.path}/lock"

    @property
    def journal_path(self) -> str:
        """What is in hand."""
        return f"{self.path}/journal"

    @property
    def audit_path(self) -> str:
        """What was done."""
        return f"{self.path}/audit.jsonl"

    @property
    def inventory_path(self) -> str:
        """What we issued."""
        return f"{self.path}/inventory.json"

    @property
    def cache_path(self) -> str:
        """Observations of files that have not changed since."""
        return f"{self.path}/observed.cache"

    @property
    def instance_path(self) -> str:
        """The lock that the long-lived reconciler holds for its life; passes and applies share the other one."""
        return f"{self.path}/reconciler.lock"

    @property
    def plans_path(self) -> str:
        """Where the reconciler keeps the plans that it carried out."""
        return f"{self.path}/plans"

    def read(self, name: str, kind: type[T]) -> T | None:
        """A JSON file of the directory; None when there is none, or none that this version can use.

        Args:
            name: of the file, such as ``status.json``.
            kind: the type it was written from.
        """
        found = read_file(f"{self.path}/{name}", limit=_LIMIT)
        if isinstance(found, Absent):
            return None
        if isinstance(found, Unusable):
            _warn("%s cannot be read and is ignored: %s", f"{self.path}/{name}", found.detail)
            return None
        try:
            return msgspec.json.decode(found.data, type=kind)
        except msgspec.DecodeError as error:
            _warn("%s was damaged and is ignored: %s", f"{self.path}/{name}", str(error))
            return None

    def write(self, name: str, value: msgspec.Struct | Mapping[str, msgspec.Struct]) -> None:
        """Replaces a JSON file of the directory, durably.

        Raises:
            StoreError: the old file stays.
        """
        from reconciler.stores.single import write_file  # noqa: PLC0415 - whoever only looks needs nothing that writes

        write_file(f"{self.path}/{name}", msgspec.json.encode(value) + b"\n", mode=0o600)

    def exists(self) -> bool:
        """Whether it is there."""
        return os.path.isdir(self.path)

    def create(self) -> None:
        """Makes it, closed to everybody else; one that is there must be closed to writers.

        Raises:
            StateError: it cannot be made, is no directory, or others may change what is in it.
        """
        from reconciler.stores.directories import make_path  # noqa: PLC0415 - whoever only looks needs nothing that writes

        try:
            make_path(self.path, 0o700)
            with naming(self.path):
                status = os.stat(self.path)
        except StoreError as error:
            hint = error.hint or "choose another place with --state-dir"
            raise StateError(error.path, error.problem, hint, errno=error.errno) from error
        if not stat.S_ISDIR(status.st_mode):
            raise StateError(self.path, "it is not a directory", "move it away, or choose another place with --state-dir")
        if status.st_uid not in {0, os.geteuid()}:
            raise StateError(
                self.path, f"it belongs to user {status.st_uid}", "run as that user, or choose another place with --state-dir"
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            mode = stat.S_IMODE(status.st_mode)
            raise StateError(self.path, f"others may write it (mode {mode:04o})", f"chmod 700 {self.path}")

    def load_inventory(self, *, cluster: str = "") -> Inventory:
        """The records; empty when there are none yet.

        A damaged file is set aside under another name and a warning is logged: what is on disk says enough to go on.

        Args:
            cluster: whose records they must be; empty for anybody's.

        Raises:
            StateError: it cannot be read, a newer version wrote it, or it is another cluster's: what that one has
                would look like something to take away.
        """
        inventory = self.load("inventory.json", Inventory, "nothing is reissued for that") or Inventory()
        if cluster and inventory.cluster not in {"", cluster}:
            raise StateError(
                self.path, f'it belongs to the cluster "{inventory.cluster}"', "give each cluster a --state-dir of its own"
            )
        return inventory

    def save_inventory(self, inventory: Inventory) -> Inventory:
        """Replaces the records, durably; returns them with the next serial.

        Raises:
            StoreError: the old records stay.
        """
        saved = msgspec.structs.replace(inventory, serial=inventory.serial + 1)
        data = msgspec.json.format(msgspec.json.encode(saved, order="sorted"), indent=1)
        from reconciler.stores.single import write_file  # noqa: PLC0415 - whoever only looks needs nothing that writes

        write_file(self.inventory_path, data + b"\n", mode=0o600)
        return saved

    def load(self, name: str, kind: type[T], otherwise: str) -> T | None:
        """A document of ours that says which version wrote it; None when there is none, or a damaged one.

        A damaged file is set aside under another name and a warning is logged.

        Args:
            name: of the file.
            kind: its type; has ``format_version``.
            otherwise: what going on without it means, one clause for people.

        Raises:
            StateError: it cannot be read, or a newer version wrote it.
        """
        path = f"{self.path}/{name}"
        found = read_file(path, limit=_LIMIT)
        if isinstance(found, Absent):
            return None
        if isinstance(found, Unusable):
            raise StateError(path, found.detail, f"make it readable, or move it away: {otherwise}")
        try:
            version = msgspec.json.decode(found.data, type=_Version).format_version
            if version.partition(".")[0] != FORMAT.partition(".")[0]:
                hint = "run the newer cluster-pki that wrote it"
                raise StateError(path, f"its format {version} is not known to this version", hint)
            return msgspec.json.decode(found.data, type=kind)
        except msgspec.DecodeError as error:
            _set_aside(path, found.data, str(error), otherwise)
            return None


def _set_aside(path: str, data: bytes, why: str, otherwise: str) -> None:
    # Named by its content: setting the same file aside twice gives one copy.
    aside = f"{path}.damaged-{hashlib.sha256(data).hexdigest()[:8]}"
    try:
        os.rename(path, aside)
    except OSError:
        aside = path
    _warn("%s was damaged (%s) and is ignored: %s; it is kept as %s", path, why, otherwise, aside)


def _warn(message: str, *arguments: str) -> None:
    import logging  # noqa: PLC0415 - costs every start as much as a tenth of a plan, and this is rare

    logging.getLogger(__name__).warning(message, *arguments)


class _Version(msgspec.Struct):
    """The member of a document that every version understands."""

    format_version: str = "1.0"
