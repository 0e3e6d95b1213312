"""Revocation lists as they stand on disk: what they say, who signed them, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.desired.model import CA, Crl, CrlFormat, DesiredState
from reconciler.desired.place import Place
from reconciler.observed.gather import gather
from reconciler.observed.model import Absent, CrlState, FileMeta, ObservedCrl, RevocationLists, Unusable
from reconciler.stores.files import OutFile, Publication, commit, stage
from reconciler.x509.crl import RevocationList, build
from reconciler.x509.facts import CrlEntry, KeyAlgorithm
from reconciler.x509.names import Subject
from tests.builders import NOW, YEAR, Pair, make_ca

OWN: Final = make_ca("observed-ca")
OTHER: Final = make_ca("observed-other")
STRANGER: Final = make_ca("observed-stranger")


def signed(ca: Pair) -> RevocationList:
    """A list of a CA."""
    entries = (CrlEntry(serial="ab", at=NOW, reason="keyCompromise"),)
    return build(entries, number=3, this_update=NOW, next_update=NOW + timedelta(days=7), issuer=ca.certificate, key=ca.key)


LIST: Final = signed(OWN)
OF_OTHER: Final = signed(OTHER)
OF_STRANGER: Final = signed(STRANGER)


def desired(root: Path, formats: tuple[CrlFormat, ...] = ("pem", "der")) -> DesiredState:
    """Two CAs, of which one has a list."""
    cas = {
        name: CA(
            address=f"ca.{name}",
            name=name,
            place=Place(store="files", root=str(root), path=f"ca/{name}"),
            subject=Subject(common_name=name),
            key=KeyAlgorithm.ECDSA_P256,
            lifetime=10 * YEAR,
            renew_before=YEAR,
        )
        for name in ("own", "other")
    }
    for name, pair in (("own", OWN), ("other", OTHER)):
        path = root / "ca" / f"{name}.crt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pair.certificate.pem)
    crl = Crl(
        address="crl.own",
        name="own",
        node=None,
        place=Place(store="files", root=str(root), path="own.crl"),
        formats=formats,
        validity=timedelta(days=7),
        keep=YEAR,
    )
    state = DesiredState(cluster="demo", cas=cas, keypairs={}, components={}, bundles={}, kubeconfigs={})
    return replace(state, crls={"crl.own": crl})


def seen(root: Path, formats: tuple[CrlFormat, ...] = ("pem", "der")) -> ObservedCrl:
    """What is found at the list's address."""
    return gather(desired(root, formats), cores=1).crls["crl.own"]


def lists(*found: tuple[RevocationList, str], mode: int = 0o644) -> RevocationLists:
    """A file of lists with their signers, of the user who runs the tests."""
    here = Path(__file__).stat()
    return RevocationLists(
        lists=tuple(crl.facts for crl, _ in found),
        signers=tuple(signer for _, signer in found),
        meta=FileMeta(mode=mode, uid=here.st_uid, gid=here.st_gid),
    )


SPKI: Final = OWN.certificate.facts.spki_sha256


@pytest.mark.parametrize(
    ("pem", "expected"),
    [
        pytest.param(None, Absent(), id="nothing"),
        pytest.param(LIST.pem, lists((LIST, SPKI)), id="a list of ours"),
        pytest.param(OF_OTHER.pem, lists((OF_OTHER, OTHER.certificate.facts.spki_sha256)), id="a list of another CA of ours"),
        pytest.param(OF_STRANGER.pem, lists((OF_STRANGER, "")), id="a list of a stranger"),
        pytest.param(LIST.pem + OF_STRANGER.pem, lists((LIST, SPKI), (OF_STRANGER, "")), id="two lists"),
        pytest.param(LIST.der, Unusable(problem="not-pem", detail="it is DER, where PEM is read"), id="DER in its place"),
        pytest.param(
            LIST.pem[:-40],
            Unusable(problem="truncated", detail="a BEGIN or END line has no partner, the file is cut short"),
            id="cut short",
        ),
        pytest.param(b"", Unusable(problem="empty", detail="the file is empty"), id="empty"),
    ],
)
def test_a_pem_file_is_what_it_says(tmp_path: Path, pem: bytes | None, expected: CrlState) -> None:
    """Each list with the CA of ours whose key verifiably signed it; the other format is judged for itself."""
    (tmp_path / "own.crl.der").write_bytes(LIST.der)
    if pem is not None:
        (tmp_path / "own.crl").write_bytes(pem)
    (tmp_path / "own.crl.der").chmod(0o640)
    files = dict(seen(tmp_path).files)
    assert files == {"pem": expected, "der": lists((LIST, SPKI), mode=0o640)}


def test_formats_that_nobody_wants_are_not_looked_at(tmp_path: Path) -> None:
    """DER at the path itself, when it is the first format."""
    (tmp_path / "own.crl").write_bytes(LIST.der)
    assert dict(seen(tmp_path, ("der",)).files) == {"der": lists((LIST, SPKI))}


def published(root: Path, address: str) -> None:
    """Publishes both formats for an address."""
    place = Place(store="files", root=str(root), path="own.crl")
    files = (OutFile(suffix="", data=LIST.pem, mode=0o644), OutFile(suffix=".der", data=LIST.der, mode=0o644))
    commit(stage(Publication(address=address, cluster="demo", intent="one", place=place, files=files)))


@pytest.mark.parametrize(
    ("make", "owned"),
    [
        (lambda root: published(root, "crl.own"), True),
        (lambda root: published(root, "crl.other"), False),
        (lambda root: (root / "own.crl").write_bytes(LIST.pem), False),
    ],
    ids=["our generation", "another address", "an ordinary file"],
)
def test_a_generation_says_whose_it_is(tmp_path: Path, make: Callable[[Path], object], owned: bool) -> None:
    """So that a lost state directory makes nothing foreign."""
    make(tmp_path)
    assert seen(tmp_path).owned is owned
