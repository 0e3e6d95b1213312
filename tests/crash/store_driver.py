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
from reconciler.desired.model import Place
from reconciler.plan.inventory import Inventory, Record
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
                target = folder / f"api{file.suffix}"
                target.write_bytes(file.data)
                target.chmod(file.mode)


def publish(case: str, directory: str) -> None:
    """What an apply does, in small: lock, recover, and when the new pair is not there yet, publish and record it."""
    state = StateDirectory(f"{directory}/state")
    with hold(state.lock_path, operation="publish", exclusive=True):
        journal = Journal.open(state.journal_path)
        recover(journal, verify=fitting)
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
    folder = Path(directory, "pki")
    tokens = {path.name: token(path.read_bytes()) for path in visible(case, folder)}
    state = StateDirectory(f"{directory}/state")
    waiting = open_intents(Journal.open(state.journal_path).records)
    if case != "single" and "api.crt" in tokens and "api.key" not in tokens:
        yield "a certificate without its key"
    # Between the two renames of the plain layout the journal holds the promise to go on.
    if len(set(tokens.values())) > 1 and not (case == "plain" and any(item.issued for item in waiting)):
        yield f"a mixed pair: {tokens}"
    if case != "first" and not tokens:
        yield "nothing is there"
    if not set(tokens.values()) <= {"old", "new"}:
        yield f"torn files: {tokens}"
    for path in secrets_below(Path(directory)):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode != 0o600:
            yield f"{path}: a key, mode {mode:04o}"
    if final:
        if set(tokens.values()) != {"new"} or len(tokens) != len(files(case, "new")):
            yield f"not the new pair: {tokens}"
        if waiting:
            yield "the journal is not settled"
        if state.load_inventory(cluster="demo").serial != 1:
            yield "the inventory is not there, or was written twice"
        if verify_chain(AuditLog(state.audit_path).lines()) is not None:
            yield "the audit log is broken"
        yield from (f"{path} was left behind" for path in Path(directory).rglob("*.tmp"))
        if len(list(folder.glob(".api/0*"))) > 2:
            yield "older generations were left behind"


def visible(case: str, folder: Path) -> list[Path]:
    """The published names that lead to a file."""
    names = ["api.conf"] if case == "single" else ["api.key", "api.crt"]
    return [folder / name for name in names if (folder / name).exists()]


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
    """Where it goes."""
    layout = "plain" if case.startswith("plain") else "generations"
    return Place(store="files", root=directory, path="pki/api.conf" if case == "single" else "pki/api", layout=layout)  # type: ignore[arg-type]


def token(data: bytes) -> str:
    """What a file ends in."""
    return data.rpartition(b".")[2].decode(errors="replace")


def token_of(case: str, directory: str) -> str:
    """What the published certificate ends in; empty when there is none."""
    paths = visible(case, Path(directory, "pki"))
    return token(paths[-1].read_bytes()) if paths else ""


def fitting(found: dict[str, bytes]) -> str | None:
    """What is wrong with files that were read back."""
    return None if len({token(data) for data in found.values()}) == 1 else "the files do not belong together"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
