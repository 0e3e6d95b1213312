"""What must hold at every instant of a rotation. Run by the crash harness.

``check_rotation.py DIRECTORY`` after a fault: pairs are sound, every trust file leads to all of them, the phase is the same
with the state directory and without it, and what was begun can be finished without it. ``check_rotation.py DIRECTORY final``
once all is done: of every key there is one certificate, so that nothing was issued twice.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from reconciler.cli.main import main as program
from tests.crash.check_pairs import signed, violations

#: The stories' trust files: a bundle, and a kubeconfig after its own certificate.
_TRUSTING: Final = {"trust", "person"}


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
        if path.is_file() and not _hidden(path.relative_to(home / "root")):
            for certificate in _certificates(path):
                key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                seen.setdefault(key, {})[certificate.fingerprint(SHA256())] = path.name
    for found in seen.values():
        if len(found) > 1:
            yield f"more than one certificate of one key, in {', '.join(found.values())}"


def untrusted(root: Path) -> Iterator[str]:
    """Certificates that a trust file of the stories does not lead to, and keypairs whose signatures are not accepted."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not _hidden(path.relative_to(root))]
    found = {path: _certificates(path) for path in files}
    anchors = {path: held[1:] if path.suffix == ".conf" else held for path, held in found.items() if path.stem in _TRUSTING}
    above = [held[0] for path, held in found.items() if held and path.parent.name == "ca"]
    leaves = {path: held[0] for path, held in found.items() if held and path.parent.name == "pki" and path.stem != "trust"}
    for (trusting, roots), (path, leaf) in itertools.product(anchors.items(), leaves.items()):
        links = [each for each in above if signed(leaf, each) and not signed(each, each)]
        if not any(signed(each, root) for each in (leaf, *links) for root in roots):
            yield f"{trusting.name} does not lead to {path.name}"
    signing = {path: load_pem_private_key(path.read_bytes(), None).public_key() for path in files if path.name == "tokens.key"}
    accepted = {path: path.read_bytes() for path in files if path.name == "tokens.pub"}
    for (path, key), (public, content) in itertools.product(signing.items(), accepted.items()):
        if key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) not in content:
            yield f"{public} does not accept {path}"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


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
    root = directory / "root"
    wrong = [*violations(root, directory), *untrusted(root), *(issued_twice(directory) if final else found_again(directory))]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), final=sys.argv[2:] == ["final"]))
