"""One publication through the stores and the journal, as a program that can be killed: what the crash tests attack.

Usage: ``store_driver.py CASE prepare|publish|check|final DIRECTORY``. The "key" and the "certificate" are text that ends in
the same token, so a pair that does not belong together is seen without cryptography.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from reconciler.apply.audit import AuditLog, Entry, verify_chain
from reconciler.apply.journal import Abandoned, Intent, Issued, Journal, Published, open_intents
from reconciler.apply.lock import hold
from reconciler.apply.recovery import recover
from reconciler.apply.state import StateDirectory
from reconciler.desired.place import Naming, Place
from reconciler.plan.inventory import Inventory, Record
from reconciler.stores.disk import DISK
from reconciler.stores.errors import StoreError
from reconciler.stores.files import OutFile, Publication, commit, discard, read_back, stage

KEY = b"PRIVATE KEY of "
CERTIFICATE = b"certificate of "
SINGLE = b"kubeconfig with PRIVATE KEY and certificate of "
CASES = ("first", "renewal", "conversion", "plain", "plain-same-key", "single")


def main(case: str, step: str, directory: str) -> int:
    """Runs one step; a store error becomes a line and exit code 1."""
    try:
        match step:
            case "prepare":
                prepare(case, directory)
            case "publish":
                publish(case, directory)
            case "check" | "final":
                problems = list(wrong(case, directory, final=step == "final"))
                sys.stdout.write("".join(f"{problem}\n" for problem in problems))
                return 1 if problems else 0
    except StoreError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


def prepare(case: str, directory: str) -> None:
    """Makes the state before: nothing, a published pair, or ordinary files."""
    StateDirectory(f"{directory}/state").create()
    match case:
        case "renewal" | "single" | "plain" | "plain-same-key":
            commit(stage(publication(case, directory, "old", intent="before")))
            if case == "renewal":
                commit(stage(publication(case, directory, "older", intent="between")))
                commit(stage(publication(case, directory, "old", intent="after")))
        case "conversion":
            folder = Path(directory, "pki")
            folder.mkdir()
            for file in files(case, "old"):
                target = Path(place_of(case, directory).file(file.suffix))
                target.write_bytes(file.data)
                target.chmod(file.mode)


def publish(case: str, directory: str) -> None:
    """What an apply does, in small: lock, recover, and when the new pair is not there yet, publish and record it."""
    state = StateDirectory(f"{directory}/state")
    with hold(state.lock_path, operation="publish", exclusive=True):
        journal = Journal.open(state.journal_path)
        recover(journal, store=DISK, verify=fitting)
        if token_of(case, directory) != "new":
            intent = Intent(id=os.urandom(8).hex(), address="component.api", cluster="demo", place=place_of(case, directory))
            journal.append([intent])
            staged = stage(publication(case, directory, "new", intent=intent.id))
            problem = fitting(dict(read_back(staged)))
            if problem:
                discard(staged)
                journal.append([Abandoned(id=intent.id, why=problem)])
                raise StoreError(directory, problem)
            journal.append([Issued(id=intent.id, record=Record(kind="component", paths=()), digests=staged.digests)])
            commit(staged)
            journal.append([Published(id=intent.id)])
        inventory = state.load_inventory(cluster="demo")
        if not inventory.records:
            at = datetime(2026, 1, 1, tzinfo=UTC)
            AuditLog(state.audit_path).append([Entry(at=at, actor="test", operation="create", address="component.api")])
            records = {"component.api": Record(kind="component", paths=())}
            state.save_inventory(Inventory(cluster="demo", serial=inventory.serial, records=records))
        journal.checkpoint()


def wrong(case: str, directory: str, *, final: bool) -> Iterator[str]:
    """Everything that must not be: at any instant, and more of it at the end."""
    tokens = {suffix: token(path.read_bytes()) for suffix, path in visible(case, directory).items()}
    waiting = open_intents(Journal.open(StateDirectory(f"{directory}/state").journal_path).records)
    # Between the two renames of the plain layout the journal holds the promise to go on.
    mixed_for_now = case == "plain" and any(item.issued for item in waiting)
    yield from _wrong_for_readers(case, tokens, mixed_for_now=mixed_for_now)
    for path in secrets_below(Path(directory)):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode != 0o600 or path.parent.name == "state":
            yield f"{path}: a key, mode {mode:04o}"
    if final:
        if set(tokens.values()) != {"new"} or len(tokens) != len(files(case, "new")):
            yield f"not the new pair: {tokens}"
        if waiting:
            yield "the journal is not settled"
        yield from _left_undone(Path(directory))


def _wrong_for_readers(case: str, tokens: dict[str, str], *, mixed_for_now: bool) -> Iterator[str]:
    if ".crt" in tokens and ".key" not in tokens:
        yield "a certificate without its key"
    if case == "plain-same-key":
        tokens = {name: found for name, found in tokens.items() if name != ".key"}
    if len(set(tokens.values())) > 1 and not mixed_for_now:
        yield f"a mixed pair: {tokens}"
    if case != "first" and not tokens:
        yield "nothing is there"
    if not set(tokens.values()) <= {"old", "new"}:
        yield f"torn files: {tokens}"


def _left_undone(directory: Path) -> Iterator[str]:
    state = StateDirectory(str(directory / "state"))
    if state.load_inventory(cluster="demo").serial != 1:
        yield "the inventory is not there, or was written twice"
    if verify_chain(AuditLog(state.audit_path).lines()) is not None:
        yield "the audit log is broken"
    yield from (f"{path} was left behind" for path in directory.rglob("*.tmp"))
    # Removing old generations is not worth a sync: after a power cut one more may be there until the next publication.
    if len(list(directory.glob("pki/.api/0*"))) > 3:
        yield "older generations were left behind"


def visible(case: str, directory: str) -> dict[str, Path]:
    """The published names that lead to a file, by suffix; the certificate last."""
    suffixes = ("",) if case == "single" else (".key", ".crt")
    paths = {suffix: Path(place_of(case, directory).file(suffix)) for suffix in suffixes}
    return {suffix: path for suffix, path in paths.items() if path.exists()}


def secrets_below(directory: Path) -> Iterator[Path]:
    """Every ordinary file that holds a key."""
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"PRIVATE KEY" in path.read_bytes():
            yield path


def files(case: str, name: str) -> tuple[OutFile, ...]:
    """The files of a pair, each ending in its name; padded so that a torn write shows."""
    if case == "single":
        return (OutFile(suffix="", data=SINGLE + b"." * 64 + name.encode(), mode=0o600),)
    key = KEY + b"." * 64 + (b"new" if case == "plain-same-key" else name.encode())
    return (
        OutFile(suffix=".key", data=key, mode=0o600),
        OutFile(suffix=".crt", data=CERTIFICATE + b"." * 64 + name.encode(), mode=0o644),
    )


def publication(case: str, directory: str, name: str, *, intent: str) -> Publication:
    """A publication of a pair."""
    place = place_of(case, directory)
    return Publication(address="component.api", cluster="demo", intent=intent, place=place, files=files(case, name))


def place_of(case: str, directory: str) -> Place:
    """Where it goes: in two cases under the names that others give."""
    path = "pki/api.conf" if case == "single" else "pki/api"
    naming = Naming(certificate=".pem", key="-key.pem") if case in {"conversion", "plain"} else Naming()
    return Place(
        store="files", root=directory, path=path, layout="plain" if case.startswith("plain") else "generations", naming=naming
    )


def token(data: bytes) -> str:
    """What a file ends in."""
    return data.rpartition(b".")[2].decode(errors="replace")


def token_of(case: str, directory: str) -> str:
    """What the published certificate ends in; empty when there is none."""
    paths = visible(case, directory)
    return token([*paths.values()][-1].read_bytes()) if paths else ""


def fitting(found: dict[str, bytes]) -> str | None:
    """What is wrong with files that were read back."""
    return None if len({token(data) for data in found.values()}) == 1 else "the files do not belong together"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
