"""What must hold at every instant of a rotation. Run by the crash harness.

``check_rotation.py DIRECTORY`` after a fault: pairs are sound, the phase is the same with the state directory and without
it, and what was begun can be finished without it. ``check_rotation.py DIRECTORY final`` once all is done: of every key
there is one certificate, so that nothing was issued twice.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.cli.main import main as program
from tests.crash.check_pairs import violations


def found_again(home: Path) -> Iterator[str]:
    """Whether the loss of the state directory changes nothing about where a rotation stands and how it ends."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "copy")
        shutil.copytree(home, copy, symlinks=True)
        known = _phases(copy)
        shutil.rmtree(copy / "state", ignore_errors=True)
        lost = _phases(copy)
        if known != lost:
            yield f"with the state directory {known}, without it {lost}"
        code, said = _call(copy, "apply", "--auto-approve", "--parallelism", "1")
        if code:
            yield f"without the state directory apply ends with {code}: {said}"
        yield from violations(copy / "root", copy)
        if left := _changes(copy):
            yield f"without the state directory these are left after an apply: {left}"
        yield from issued_twice(copy)


def issued_twice(home: Path) -> Iterator[str]:
    """Keys that readers find two certificates of."""
    seen: dict[bytes, dict[bytes, str]] = {}
    for path in sorted((home / "root").rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(home / "root").parts):
            for certificate in _certificates(path):
                key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                seen.setdefault(key, {})[certificate.fingerprint(SHA256())] = path.name
    for found in seen.values():
        if len(found) > 1:
            yield f"more than one certificate of one key, in {', '.join(found.values())}"


def _certificates(path: Path) -> list[x509.Certificate]:
    if path.suffix == ".crt":
        return x509.load_pem_x509_certificates(path.read_bytes())
    if path.suffix != ".conf":
        return []
    document = yaml.safe_load(path.read_bytes())
    data = (
        document["users"][0]["user"]["client-certificate-data"],
        document["clusters"][0]["cluster"]["certificate-authority-data"],
    )
    return [each for pem in data for each in x509.load_pem_x509_certificates(base64.b64decode(pem))]


def _plan(home: Path) -> dict[str, Any]:
    code, said = _call(home, "plan", "--format", "json")
    return dict(json.loads(said)) if code in {0, 1, 2} and said.startswith("{") else {"rotations": said, "resource_changes": []}


def _phases(home: Path) -> object:
    rotations = _plan(home)["rotations"]
    return [(each["address"], each["phase"], each["from_generation"], each["to_generation"]) for each in rotations]


def _changes(home: Path) -> list[str]:
    return [change["address"] for change in _plan(home)["resource_changes"]]


def _call(home: Path, *arguments: str) -> tuple[int, str]:
    where = ("-f", str(home / "cluster-pki.yaml"), "--root", str(home / "root"), "--state-dir", str(home / "state"))
    out, log = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(log):
        code = program([*arguments, *where])
    return code, out.getvalue() or log.getvalue()


def main(directory: Path, *, final: bool) -> int:
    """Prints what is wrong; 0 when nothing is."""
    wrong = [*violations(directory / "root", directory), *(issued_twice(directory) if final else found_again(directory))]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), final=sys.argv[2:] == ["final"]))
