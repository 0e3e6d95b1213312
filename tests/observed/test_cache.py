"""The cache answers only for files that are surely what they were, and never changes what is seen."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.model import DesiredState, Output
from reconciler.observed import cache as caching
from reconciler.observed import look as looking
from reconciler.observed import signers
from reconciler.observed.cache import Cache, load, save
from reconciler.observed.gather import gather
from reconciler.observed.model import ObservedState
from reconciler.stores import disk
from reconciler.stores.read import LIMIT, read_file
from reconciler.x509 import outputs
from tests.builders import make_ca, make_key, make_leaf, raw_key
from tests.observed.cluster import API, AUTHORITY, CLIENT, OTHER, SERVER, Cluster

VERSION = "1.2.3"
LATER = 10_000_000_000
OUTPUTS: tuple[Output, ...] = ("pem", "fullchain", "combined", "der", "pkcs12")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything in its place, with every kind of output."""
    cluster = Cluster(root=tmp_path / "root").write()
    cluster.put("pki/api.fullchain.crt", outputs.fullchain(SERVER.chain))
    cluster.put("pki/api.pem", outputs.combined(SERVER.chain, SERVER.key))
    cluster.put("pki/api.der", outputs.der(SERVER.chain))
    cluster.put("pki/api.p12", outputs.pkcs12(SERVER.chain, SERVER.key, b"secret", "api"))
    cluster.put("password", b"secret")
    return cluster


def in_a_while() -> int:
    """A moment at which the files have been what they are for long enough."""
    return time.time_ns() + LATER


def observe(cluster: Cluster, path: Path, *, now_ns: int | None = None, version: str = VERSION) -> ObservedState:
    """One pass of a program that keeps a cache."""
    cache = load(str(path), version=version, now_ns=now_ns if now_ns is not None else in_a_while())
    seen = gather(wanted(cluster), cache=cache)
    save(cache, str(path), version=version)
    return seen


def wanted(cluster: Cluster) -> DesiredState:
    """With every kind of output."""
    return cluster.desired(outputs=OUTPUTS, password_file=str(cluster.path("password")))


class Reads:
    """Which files were read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
        self.names: set[str] = set()

        def read(path: str, *, limit: int = LIMIT) -> object:
            self.names.add(os.path.relpath(path, cluster.root))
            return read_file(path, limit=limit)

        monkeypatch.setattr(looking, "read_file", read)
        monkeypatch.setattr(disk, "read_file", read)


ALWAYS = {
    *(f"{base}{suffix}" for base in ("authority/kubernetes", "authority/etcd", "pki/ca") for suffix in (".crt", ".key")),
    "pki/api.p12",
    "password",
}


def test_files_that_did_not_change_are_not_read_again(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the CAs, which check the others, and the PKCS#12 store, whose meaning depends on its password."""
    first = observe(cluster, tmp_path / "cache")
    reads = Reads(monkeypatch, cluster)
    monkeypatch.setattr(signers, "signed_by", lambda *_: pytest.fail("a signature was checked again"))
    assert (observe(cluster, tmp_path / "cache"), reads.names) == (first, ALWAYS)


def rewrite_in_place(path: Path) -> None:
    """Same size, same time of modification, same inode: only the time of change tells."""
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-10] + data[-10:].swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def to_fifo(path: Path) -> None:
    """A named pipe in its place."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "change",
    [
        rewrite_in_place,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.chmod(0o640),
        lambda path: path.with_suffix(".new").write_bytes(path.read_bytes()) and path.with_suffix(".new").rename(path),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.symlink_to("sa.key")),
        to_fifo,
    ],
    ids=["same-size-and-mtime", "shorter", "mode", "replaced", "gone", "link", "fifo"],
)
@pytest.mark.parametrize("name", ["pki/trust.crt", "pki/api.der", "admin.conf", "pki/sa.pub"])
def test_every_change_is_seen(change: Callable[[Path], object], name: str, cluster: Cluster, tmp_path: Path) -> None:
    """With a cache that was right a moment ago, what is seen is what is seen without one."""
    observe(cluster, tmp_path / "cache")
    time.sleep(0.02)  # beyond one tick of the file system's clock
    change(cluster.path(name))
    assert observe(cluster, tmp_path / "cache") == gather(wanted(cluster))


@pytest.mark.parametrize(("age", "kept"), [(1_900_000_000, False), (2_100_000_000, True)])
def test_files_that_changed_just_now_are_not_kept(
    age: int, kept: bool, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two seconds of a change another could follow that no stat tells from it."""
    bundle = cluster.path("pki/trust.crt")
    changed = bundle.stat().st_ctime_ns
    observe(cluster, tmp_path / "cache", now_ns=changed + age)
    reads = Reads(monkeypatch, cluster)
    observe(cluster, tmp_path / "cache")
    assert ("pki/trust.crt" not in reads.names) == kept


def flipped(data: bytes) -> bytes:
    """One bit, somewhere in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(flipped(path.read_bytes())),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(os.urandom(1000)),
        lambda path: path.write_bytes(path.read_bytes().replace(VERSION.encode(), b"1.2.4", 1)),
        lambda path: path.chmod(0o620),
        lambda path: path.chmod(0o602),
        lambda path: (path.unlink(), path.mkdir()),
        to_fifo,
    ],
    ids=["bit", "torn", "empty", "random", "other-version", "group-writable", "world-writable", "directory", "fifo"],
)
def test_a_cache_that_cannot_be_trusted_is_no_cache(
    damage: Callable[[Path], object], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is read afresh, and nobody is told but the debug log."""
    first = observe(cluster, tmp_path / "cache")
    damage(tmp_path / "cache")
    reads = Reads(monkeypatch, cluster)
    assert observe(cluster, tmp_path / "cache") == first
    assert "pki/trust.crt" in reads.names


def test_a_cache_of_another_user_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    """Only root and we ourselves are believed."""
    observe(cluster, tmp_path / "cache")
    if os.geteuid() == 0:
        os.chown(tmp_path / "cache", 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    reads = Reads(monkeypatch, cluster)
    observe(cluster, tmp_path / "cache")
    assert "pki/trust.crt" in reads.names


def test_a_body_of_another_make_is_ignored(tmp_path: Path) -> None:
    """It passes its checksum, and still says nothing that can be understood."""
    body = msgspec.msgpack.encode({"states": 1})
    (tmp_path / "cache").write_bytes(caching._header(VERSION) + caching._digest(body) + body)
    cache = load(str(tmp_path / "cache"), version=VERSION, now_ns=0)
    assert (cache.changed, cache.encode()) == (False, Cache(now_ns=0).encode())


@pytest.mark.parametrize("index", [1, -1])
def test_an_entry_without_its_state_is_refused(index: int) -> None:
    """A body that passes its checksum can still have been written by something else."""
    stored = caching._Stored(states=[], entries={"key": {"/a": ((0,) * 8, index)}}, verdicts={})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="state that is not there"):
        Cache(now_ns=0).decode(msgspec.msgpack.encode(stored))


def test_a_state_of_another_kind_is_read_again(cluster: Cluster) -> None:
    """What stands under a name must be what that name sees."""
    path = str(cluster.path("pki/trust.crt"))
    found = read_file(path)
    known, cache = Cache(now_ns=in_a_while()), Cache(now_ns=in_a_while())
    key = gather(wanted(cluster)).pairs[API].key
    known.remember("certificates", path, found.identity, key)  # type: ignore[union-attr, arg-type]
    cache.decode(known.encode())
    assert gather(wanted(cluster), cache=cache) == gather(wanted(cluster))


def test_a_new_ca_has_everything_checked_anew(cluster: Cluster, tmp_path: Path) -> None:
    """A verdict is about two certificates; a third has to earn its own."""
    observe(cluster, tmp_path / "cache")
    renewed = make_ca("kubernetes-ca", key=make_key("kubernetes-ca-g2"))
    for base in ("authority/kubernetes", "pki/ca"):
        cluster.put(f"{base}.crt", renewed.certificate.pem)
    assert observe(cluster, tmp_path / "cache").pairs[API].signed_by == ""


def test_what_is_not_looked_at_any_more_is_dropped(cluster: Cluster, tmp_path: Path) -> None:
    """The file does not grow with what was once desired; an unchanged one is not written again."""
    path = tmp_path / "cache"
    observe(cluster, path)
    before = path.stat()
    observe(cluster, path)
    unchanged = path.stat().st_ino == before.st_ino
    cache = load(str(path), version=VERSION, now_ns=in_a_while())
    gather(replace(wanted(cluster), bundles={}), cache=cache)
    save(cache, str(path), version=VERSION)
    assert (unchanged, b"trust.crt" in path.read_bytes(), b"admin.conf" in path.read_bytes()) == (True, False, True)


def test_it_is_for_nobody_else_and_leaves_nothing_behind(cluster: Cluster, tmp_path: Path) -> None:
    """Mode 0600 whatever the umask is; one file."""
    (tmp_path / "state").mkdir()
    before = os.umask(0)
    try:
        observe(cluster, tmp_path / "state" / "cache")
    finally:
        os.umask(before)
    found = [(path.name, path.stat().st_mode & 0o777) for path in (tmp_path / "state").iterdir()]
    assert found == [("cache", 0o600)]


def test_that_it_cannot_be_saved_is_no_error(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither without a directory nor on a full disk, where nothing is left either."""
    observe(cluster, tmp_path / "no" / "such" / "cache")
    (tmp_path / "state").mkdir()

    def fail(*_paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    observe(cluster, tmp_path / "state" / "cache")
    assert list((tmp_path / "state").iterdir()) == []


def test_no_key_is_in_it(cluster: Cluster, tmp_path: Path) -> None:
    """Neither as PEM nor as base64, hexadecimal or DER, nor the private number alone."""
    observe(cluster, tmp_path / "cache")
    data = (tmp_path / "cache").read_bytes()
    traces: dict[str, bytes] = {}
    for name in ("api", "admin", "sa", "kubernetes-ca", "etcd-ca"):
        raw = raw_key(name)
        number = raw.private_numbers().private_value.to_bytes(32, "big")
        der = raw.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        body = b64encode(der)
        forms = {
            "der": der,
            "number": number,
            "hex": number.hex().encode(),
            "base64": body[40:80],
            "kubeconfig": b64encode(body)[60:],
        }
        traces |= {f"{name} {form}": trace for form, trace in forms.items()}
    assert b"pki/api.key" in data
    assert [name for name, trace in traces.items() if trace in data] == []
    assert b"PRIVATE" not in data


CONTENTS: dict[str, list[bytes | None]] = {
    "pki/api.crt": [SERVER.certificate.pem, CLIENT.certificate.pem, make_leaf(OTHER, "api").certificate.pem, b"", None],
    "pki/api.key": [SERVER.key.pem(), CLIENT.key.pem(), b"x", None],
    "pki/trust.crt": [AUTHORITY.certificate.pem, AUTHORITY.certificate.pem + OTHER.certificate.pem, b"-----BEGIN", None],
    "authority/kubernetes.crt": [AUTHORITY.certificate.pem, OTHER.certificate.pem, b"", None],
    "pki/api.der": [SERVER.certificate.der, CLIENT.certificate.der, None],
}
STATES = st.fixed_dictionaries({name: st.sampled_from(contents) for name, contents in CONTENTS.items()})


@given(states=st.lists(STATES, min_size=2, max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cached_is_uncached(states: list[dict[str, bytes | None]], cluster: Cluster, tmp_path: Path) -> None:
    """However the files change between passes, a pass with a cache sees what one without it sees."""
    for state in states:
        time.sleep(0.02)  # beyond one tick of the file system's clock
        for name, data in state.items():
            if data is None:
                cluster.path(name).unlink(missing_ok=True)
            else:
                cluster.put(name, data)
        assert observe(cluster, tmp_path / "cache") == gather(wanted(cluster))
