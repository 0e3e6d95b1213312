"""Everything that was asked for is looked at, and what is wrong with one file is told there and nowhere else."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.desired.model import Output
from reconciler.observed.gather import gather
from reconciler.observed.model import (
    Absent,
    Certificates,
    DerivedOutput,
    FileMeta,
    Key,
    KubeconfigFile,
    ObservedBundle,
    ObservedKeypair,
    ObservedPair,
    ObservedState,
    PublicKey,
    Unusable,
)
from reconciler.stores import disk
from reconciler.stores.read import read_file
from reconciler.x509 import outputs
from tests.builders import Pair, make_key, make_leaf
from tests.observed.cluster import ADMIN, API, AUTHORITY, CLIENT, CONF, OTHER, SERVER, Cluster, csr, encrypted_key, problem_of

SECRET, PUBLIC = (FileMeta(mode=mode, uid=os.getuid(), gid=os.getgid()) for mode in (0o600, 0o644))


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything in its place."""
    return Cluster(root=tmp_path).write()


def certificates(*pairs: Pair, meta: FileMeta = PUBLIC) -> Certificates:
    """The state of a file with these certificates."""
    return Certificates(chain=tuple(pair.certificate.facts for pair in pairs), meta=meta)


def key(pair: Pair, meta: FileMeta = SECRET) -> Key:
    """The state of a file with that key."""
    return Key(facts=pair.key.facts, meta=meta)


def test_a_cluster_in_order_is_seen_as_it_is(cluster: Cluster) -> None:
    """Every kind of file, by its address, with its facts, its owner and its signer."""
    spki, other_spki = AUTHORITY.key.facts.spki_sha256, OTHER.key.facts.spki_sha256
    assert gather(cluster.desired()) == ObservedState(
        pairs={
            "ca.kubernetes": ObservedPair(certificate=certificates(AUTHORITY), key=key(AUTHORITY), signed_by=spki),
            "ca.kubernetes[cp-1]": ObservedPair(certificate=certificates(AUTHORITY), key=key(AUTHORITY), signed_by=spki),
            "ca.etcd": ObservedPair(certificate=certificates(OTHER), key=key(OTHER), signed_by=other_spki),
            API: ObservedPair(certificate=certificates(SERVER), key=key(SERVER), owned=True, signed_by=spki),
            ADMIN: ObservedPair(certificate=certificates(CLIENT, meta=SECRET), key=key(CLIENT), signed_by=spki),
        },
        bundles={"bundle.trust": ObservedBundle(certificates=certificates(AUTHORITY, OTHER))},
        kubeconfigs={
            CONF: KubeconfigFile(
                server="https://api.example.com:6443",
                ca_fingerprints=(AUTHORITY.certificate.facts.fingerprint,),
                ca_keys=(AUTHORITY.certificate.facts.spki_sha256,),
                cluster_name="kubernetes",
                user_name="admin",
                context="admin@kubernetes",
                certificate=certificates(CLIENT, meta=SECRET),
                key=key(CLIENT),
                client_certificate_path="",
                client_key_path="",
                extras=(),
                meta=SECRET,
            )
        },
        keypairs={
            "keypair.sa[cp-1]": ObservedKeypair(
                key=Key(facts=make_key("sa").facts, meta=SECRET),
                public=PublicKey(spki_sha256=make_key("sa").facts.spki_sha256, meta=SECRET),
            )
        },
    )


def test_an_empty_disk_is_seen_as_empty(tmp_path: Path) -> None:
    """The state before the first apply: everything absent, nothing owned, nothing signed."""
    desired = Cluster(root=tmp_path).desired()
    nothing = ObservedPair(certificate=Absent(), key=Absent())
    assert gather(desired) == ObservedState(
        pairs=dict.fromkeys(("ca.kubernetes", "ca.kubernetes[cp-1]", "ca.etcd", API, ADMIN), nothing),
        bundles={"bundle.trust": ObservedBundle(certificates=Absent())},
        kubeconfigs={CONF: Absent()},
        keypairs={"keypair.sa[cp-1]": ObservedKeypair(key=Absent(), public=Absent())},
    )


def unlinked(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Makes it in the place of the file that stands there."""

    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


PEM, KEY_PEM = SERVER.certificate.pem, SERVER.key.pem()
SHARED: list[tuple[str, Callable[[Path], object], str]] = [
    ("absent", lambda path: path.unlink(), "absent"),
    ("dangling", unlinked(lambda path: path.symlink_to("nowhere")), "absent"),
    ("directory", unlinked(Path.mkdir), "not-a-file"),
    ("fifo", unlinked(os.mkfifo), "not-a-file"),
    ("device", unlinked(lambda path: path.symlink_to("/dev/zero")), "not-a-file"),
    ("2-mib", lambda path: path.write_bytes(b"#" * (2 << 20)), "too-large"),
    ("sparse", lambda path: os.truncate(path, 1 << 30), "too-large"),
    ("empty", lambda path: path.write_bytes(b""), "empty"),
    ("white", lambda path: path.write_bytes(b"\n\n"), "empty"),
    ("garbage", lambda path: path.write_bytes(b"hello\n"), "not-pem"),
    ("nul", lambda path: path.write_bytes(b"\0" * 4096), "not-pem"),
    ("torn", lambda path: path.write_bytes(path.read_bytes()[:100]), "truncated"),
    ("torn-second", lambda path: path.write_bytes(path.read_bytes() + path.read_bytes()[:100]), "truncated"),
    ("request", lambda path: path.write_bytes(csr()), "wrong-type"),
]
SURPRISES: list[tuple[str, str, Callable[[Path], object], str]] = [
    *((f"pki/api{suffix}", *row) for suffix in (".crt", ".key") for row in SHARED),
    ("pki/api.crt", "a-key", lambda path: path.write_bytes(KEY_PEM), "wrong-type"),
    ("pki/api.crt", "key-too", lambda path: path.write_bytes(PEM + KEY_PEM), "wrong-type"),
    ("pki/api.crt", "broken-der", lambda path: path.write_bytes(PEM.replace(b"MII", b"MIJ", 1)), "unparsable"),
    ("pki/api.key", "a-certificate", lambda path: path.write_bytes(PEM), "wrong-type"),
    ("pki/api.key", "encrypted", lambda path: path.write_bytes(encrypted_key()), "encrypted"),
    ("pki/api.key", "two", lambda path: path.write_bytes(KEY_PEM + KEY_PEM), "wrong-type"),
    ("pki/trust.crt", "torn-second", lambda path: path.write_bytes(PEM + PEM[:100]), "truncated"),
    ("pki/trust.crt", "fifo", unlinked(os.mkfifo), "not-a-file"),
    ("pki/sa.pub", "a-key", lambda path: path.write_bytes(KEY_PEM), "wrong-type"),
    ("pki/sa.pub", "empty", lambda path: path.write_bytes(b""), "empty"),
    ("pki/sa.key", "absent", lambda path: path.unlink(), "absent"),
    ("admin.conf", "absent", lambda path: path.unlink(), "absent"),
    ("admin.conf", "empty", lambda path: path.write_bytes(b""), "empty"),
    ("admin.conf", "no-yaml", lambda path: path.write_bytes(b"a: [b\n"), "unparsable"),
    ("admin.conf", "no-text", lambda path: path.write_bytes(b"\xff\xfe"), "unparsable"),
    ("admin.conf", "list", lambda path: path.write_bytes(b"- a\n"), "wrong-type"),
    ("admin.conf", "fifo", unlinked(os.mkfifo), "not-a-file"),
]


@pytest.mark.parametrize(
    ("name", "damage", "expected"),
    [pytest.param(name, damage, expected, id=f"{name}-{what}") for name, what, damage, expected in SURPRISES],
)
def test_each_surprise_is_its_own_finding_and_stops_no_other(
    name: str, damage: Callable[[Path], object], expected: str, cluster: Cluster
) -> None:
    """A damaged file changes the state of its own address; every other one is seen as before."""
    before = by_file(gather(cluster.desired()))
    damage(cluster.path(name))
    after = by_file(gather(cluster.desired()))
    changed = {file for file, state in after.items() if state != before[file]}
    assert (problem_of(after[name]), changed) == (expected, {name})


def by_file(observed: ObservedState) -> dict[str, object]:
    """The states of single files; what is derived from them, such as who signed, left out."""
    server, keypair = observed.pairs[API], observed.keypairs["keypair.sa[cp-1]"]
    return {
        "ca": [observed.pairs[address] for address in ("ca.kubernetes", "ca.kubernetes[cp-1]", "ca.etcd")],
        "pki/api.crt": server.certificate,
        "pki/api.key": server.key,
        "pki/trust.crt": observed.bundles["bundle.trust"].certificates,
        "pki/sa.key": keypair.key,
        "pki/sa.pub": keypair.public,
        "admin.conf": observed.kubeconfigs[CONF],
    }


def test_a_file_that_may_not_be_read_is_told_as_such(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode 000 for anybody but root; simulated, because the tests may run as root."""
    really_open = os.open

    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        if path.endswith("api.key"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return really_open(path, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        seen = gather(cluster.desired())
    denied = Unusable(problem="permission-denied", detail="permission to read it is denied")
    assert (seen.pairs[API].key, seen.pairs[API].certificate) == (denied, certificates(SERVER))


OUTPUTS: dict[Output, bytes] = {
    "fullchain": PEM,
    "combined": PEM + KEY_PEM,
    "der": SERVER.certificate.der,
    "pkcs12": outputs.pkcs12(SERVER.chain, SERVER.key, b"secret", "api"),
}
SUFFIXES: dict[Output, str] = {"fullchain": ".fullchain.crt", "combined": ".pem", "der": ".der", "pkcs12": ".p12"}


def test_derived_outputs_are_seen_by_what_they_say(cluster: Cluster) -> None:
    """Fingerprints in order, and the key where there is one; a line break after the password does not count."""
    for output, data in OUTPUTS.items():
        cluster.put(f"pki/api{SUFFIXES[output]}", data)
    password = cluster.put("password", b"secret\n")
    desired = cluster.desired(outputs=("pem", *OUTPUTS), password_file=str(password))
    fingerprints, spki = (SERVER.certificate.facts.fingerprint,), SERVER.key.facts.spki_sha256
    assert gather(desired).pairs[API].outputs == {
        "fullchain": DerivedOutput(fingerprints=fingerprints, spki_sha256="", meta=PUBLIC),
        "combined": DerivedOutput(fingerprints=fingerprints, spki_sha256=spki, meta=PUBLIC),
        "der": DerivedOutput(fingerprints=fingerprints, spki_sha256="", meta=PUBLIC),
        "pkcs12": DerivedOutput(fingerprints=fingerprints, spki_sha256=spki, meta=PUBLIC),
    }


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("data", "expected"), [(None, "absent"), (b"", "empty")])
def test_a_derived_output_that_is_not_there_is_seen_alone(
    output: Output, data: bytes | None, expected: str, cluster: Cluster
) -> None:
    """The pair it is made from stays what it is."""
    if data is not None:
        cluster.put(f"pki/api{SUFFIXES[output]}", data)
    password = cluster.put("password", b"secret")
    seen = gather(cluster.desired(outputs=("pem", output), password_file=str(password))).pairs[API]
    assert (problem_of(seen.outputs[output]), seen.certificate) == (expected, certificates(SERVER))


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (lambda path: path.write_bytes(b"another"), "encrypted"),
        (lambda path: path.unlink(missing_ok=True), "unparsable"),
        (Path.mkdir, "not-a-file"),
    ],
    ids=["wrong", "missing", "directory"],
)
def test_a_pkcs12_without_its_password_is_unusable(password: Callable[[Path], object], expected: str, cluster: Cluster) -> None:
    """Nothing can be said of what is inside."""
    cluster.put("pki/api.p12", OUTPUTS["pkcs12"])
    password(cluster.path("password"))
    desired = cluster.desired(outputs=("pem", "pkcs12"), password_file=str(cluster.path("password")))
    assert problem_of(gather(desired).pairs[API].outputs["pkcs12"]) == expected


def test_a_pair_without_pem_is_read_from_its_combined_file(cluster: Cluster) -> None:
    """One file, seen as a certificate, as a key and as an output."""
    cluster.path("pki/api.crt").unlink()
    cluster.path("pki/api.key").unlink()
    cluster.publish("pki/api", {".pem": OUTPUTS["combined"]}, address=API)
    seen = gather(cluster.desired(outputs=("combined",))).pairs[API]
    assert seen == ObservedPair(
        certificate=certificates(SERVER),
        key=key(SERVER, PUBLIC),
        outputs={
            "combined": DerivedOutput(
                fingerprints=(SERVER.certificate.facts.fingerprint,),
                spki_sha256=SERVER.key.facts.spki_sha256,
                meta=PUBLIC,
            )
        },
        owned=True,
        signed_by=AUTHORITY.key.facts.spki_sha256,
    )


@pytest.mark.parametrize("data", [PEM, KEY_PEM, b"", b"\0"], ids=["no-key", "no-certificate", "empty", "nul"])
def test_a_combined_file_that_lacks_a_half_is_unusable(data: bytes, cluster: Cluster) -> None:
    """As a certificate, as a key and as an output."""
    cluster.put("pki/api.pem", data)
    seen = gather(cluster.desired(outputs=("combined",))).pairs[API]
    assert {type(state) for state in (seen.certificate, seen.key, seen.outputs["combined"])} == {Unusable}


def test_a_publication_between_two_looks_is_not_taken_for_a_mismatch(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is read before the links are swapped, the key after: both are looked at again."""
    renewed = make_leaf(AUTHORITY, "api", key=make_key("renewed"))

    def read(path: str, *, limit: int) -> object:
        found = read_file(path, limit=limit)
        if path.endswith("api.crt"):
            files = {".crt": renewed.certificate.pem, ".key": renewed.key.pem()}
            cluster.publish("pki/api", files, address=API, number=2)
        return found

    monkeypatch.setattr(disk, "read_file", read)
    seen = gather(cluster.desired()).pairs[API]
    assert (seen.certificate, seen.key, seen.owned) == (certificates(renewed), key(renewed), True)


def test_a_mismatch_that_stays_is_told(cluster: Cluster) -> None:
    """The key of another pair is just that."""
    cluster.put("pki/api.key", make_key("another").pem(), mode=0o600)
    seen = gather(cluster.desired()).pairs[API]
    assert (seen.certificate, seen.key) == (
        certificates(SERVER),
        Key(facts=make_key("another").facts, meta=SECRET),
    )


def test_accounts_that_the_machine_knows_get_their_ids(cluster: Cluster) -> None:
    """A name that does not exist is left out."""
    root = pwd.getpwuid(0).pw_name
    known, unknown = gather(cluster.desired(owner=root)), gather(cluster.desired(owner="no-such-account"))
    assert (known.owners, known.groups, unknown.owners, unknown.groups) == ({root: 0}, {root: 0}, {}, {})


MUTABLE = ("pki/api.crt", "pki/api.key", "pki/trust.crt", "pki/sa.key", "pki/sa.pub", "admin.conf", "authority/kubernetes.crt")


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mutation_of_a_file_gets_past_the_eyes(cluster: Cluster, data: st.DataObject) -> None:
    """Bytes replaced, removed or put in anywhere give a state, never an exception; and the other files are seen as before."""
    name = data.draw(st.sampled_from(MUTABLE))
    path = cluster.path(name)
    original = path.read_bytes()
    start = data.draw(st.integers(0, len(original)))
    stop = data.draw(st.integers(start, min(len(original), start + 40)))
    path.write_bytes(original[:start] + data.draw(st.binary(max_size=20)) + original[stop:])
    try:
        seen = gather(cluster.desired())
    finally:
        path.write_bytes(original)
    assert seen.pairs["ca.etcd"].signed_by == OTHER.key.facts.spki_sha256
