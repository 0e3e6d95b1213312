"""Places in KV: one version a publication, written only over what was looked at, whole or not there."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

import pytest

from reconciler.desired.place import Place
from reconciler.observed.cache import Cache
from reconciler.observed.look import CERTIFICATES, View
from reconciler.observed.model import Absent, Unusable
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import OutFile, Publication, Staged
from reconciler.stores.read import ReadFile
from reconciler.stores.stores import Stores
from reconciler.stores.vault_kv import KvStore
from reconciler.vault.engines.kv import Kv
from reconciler.vault.errors import Kind
from tests.builders import make_ca
from tests.stores.kv_memory import MemoryKv, trouble

AUTHORITY = make_ca("main")
WHERE = Place(store="kv", root="vault://main/secret/data/clusters/demo", path="api/tls", layout="vault-kv")
PATH = "clusters/demo/api/tls"
KEY, CERTIFICATE = OutFile(suffix=".key", data=b"key", mode=-1), OutFile(suffix=".crt", data=b"certificate", mode=-1)
OF_ANOTHER = {"certificate": "another", "metadata": {"cluster": "demo", "address": "component.other", "intent": "other"}}


@pytest.fixture
def kv() -> MemoryKv:
    """An empty engine."""
    return MemoryKv()


@pytest.fixture
def store(kv: MemoryKv) -> KvStore:
    """A pass over it."""
    return KvStore(kv.engine, at_a_time=4)


def wanted(intent: str = "one", *, where: Place = WHERE, files: tuple[OutFile, ...] = (KEY, CERTIFICATE)) -> Publication:
    """A publication of a pair."""
    return Publication(
        address="component.api",
        cluster="demo",
        intent=intent,
        place=where,
        files=files,
        labels={"serial": "1f"},
        fingerprint="ab",
    )


def staged(store: KvStore, publication: Publication) -> Staged:
    """It, taken in."""
    (one,) = store.stage_all([publication])
    assert isinstance(one, Staged)
    return one


def found(store: KvStore, suffix: str, where: Place = WHERE) -> bytes | Absent | Unusable:
    """What a reader finds."""
    state = store.read(f"{where.absolute}{suffix}")
    return state.data if isinstance(state, ReadFile) else state


def refused(store: KvStore, one: Staged) -> StoreError:
    """Why it was not written."""
    with pytest.raises(PartlyCommittedError) as caught:
        store.commit_all([one])
    return caught.value.failed[one.intent]


def test_nothing_is_written_before_the_commit(kv: MemoryKv, store: KvStore) -> None:
    """What is taken in can be read back by whoever took it in, and by nobody else."""
    one = staged(store, wanted())
    assert (dict(store.read_back(one)), kv.secrets) == ({".key": b"key", ".crt": b"certificate"}, {})
    assert repr(store._waiting) == "{'one': _Waiting(.key, .crt)}"


def test_one_version_holds_it_all(kv: MemoryKv, store: KvStore) -> None:
    """Key, certificate and whose they are in one write; the same beside it for people."""
    store.commit_all([staged(store, wanted())])
    known = kv.secrets[PATH]
    assert [call for call in kv.calls if not call.startswith("read")] == [f"write {PATH} 0", f"annotate {PATH}"]
    assert known.data == [
        {
            "private_key": "key",
            "certificate": "certificate",
            "metadata": {"address": "component.api", "cluster": "demo", "intent": "one", "fingerprint": "ab", "serial": "1f"},
        }
    ]
    assert known.custom == {"cluster": "demo", "address": "component.api", "fingerprint": "ab", "serial": "1f"}
    assert (found(store, ".key"), found(store, ".crt")) == (b"key", b"certificate")
    assert store.is_owned(WHERE, (".crt",), address="component.api", cluster="demo", vouched=False)


def test_fields_of_others_stay(kv: MemoryKv, store: KvStore) -> None:
    """What we do not know is not ours to remove; what is ours and is not published any more goes."""
    kv.put(PATH, {"note": "mine", "fullchain": "old", "private_key": "old"})
    store.fetch([WHERE])
    store.commit_all([staged(store, wanted())])
    assert set(kv.secrets[PATH].data[-1] or {}) == {"note", "private_key", "certificate", "metadata"}


@pytest.mark.parametrize("gone", ["deleted", "destroyed"])
def test_what_was_deleted_is_written_over(kv: MemoryKv, store: KvStore, gone: str) -> None:
    """It is not there, and the write names the version that is gone."""
    kv.put(PATH, {"certificate": "old"})
    if gone == "deleted":
        kv.delete(PATH)
    else:
        kv.purge_versions(PATH, [1])
    store.fetch([WHERE])
    assert found(store, ".crt") == Absent()
    store.commit_all([staged(store, wanted())])
    assert (found(store, ".crt"), f"write {PATH} 1" in kv.calls) == (b"certificate", True)


def test_a_writer_in_between_is_not_overwritten(kv: MemoryKv, store: KvStore) -> None:
    """It has to be looked at again; then it can be written."""
    store.fetch([WHERE])
    kv.on_write.append(lambda path: kv.put(path, OF_ANOTHER))
    one = staged(store, wanted())
    error = refused(store, one)
    assert (error.errno, error.retryable, error.problem) == (errno.ESTALE, True, "somebody wrote it after it was looked at")
    assert found(store, ".crt") == b"another"
    store.commit_all([staged(store, wanted("two"))])
    assert found(store, ".crt") == b"certificate"


def _nobody(_kv: MemoryKv, _path: str) -> None:
    pass


def _somebody(kv: MemoryKv, path: str) -> None:
    kv.put(path, OF_ANOTHER)


@pytest.mark.parametrize(
    ("cuts", "meanwhile", "versions", "number"),
    [
        (["after"], _nobody, 1, 0),  # it was written: its intent says so
        (["before"], _nobody, 1, 0),  # it was not: once more for the same version
        (["before", "after"], _nobody, 1, 0),
        (["before", "before"], _nobody, 0, errno.EHOSTUNREACH),  # nobody knows; the intent stays open
        (["before"], _somebody, 1, errno.ESTALE),  # somebody else was faster
    ],
    ids=["written", "not written", "written at last", "not to be told", "overtaken"],
)
def test_a_lost_answer_is_looked_up(
    *,
    kv: MemoryKv,
    store: KvStore,
    cuts: list[str],
    meanwhile: Callable[[MemoryKv, str], None],
    versions: int,
    number: int,
) -> None:
    """Never written twice, and never over somebody else."""
    kv.cuts += cuts  # type: ignore[arg-type]
    kv.on_write.append(lambda path: meanwhile(kv, path))
    one = staged(store, wanted())
    if number:
        assert refused(store, one).errno == number
    else:
        store.commit_all([one])
        assert found(store, ".crt") == b"certificate"
    assert len(kv.secrets[PATH].data if PATH in kv.secrets else []) == versions


@pytest.mark.parametrize(
    ("kind", "number", "retryable"),
    [
        (Kind.UNREACHABLE, errno.EHOSTUNREACH, True),
        (Kind.SEALED, errno.EHOSTUNREACH, True),
        (Kind.BUSY, errno.EHOSTUNREACH, True),
        (Kind.NONSENSE, errno.EHOSTUNREACH, True),
        (Kind.DENIED, errno.EACCES, False),
        (Kind.REFUSED, errno.EINVAL, False),
        (Kind.CONFIGURATION, errno.ENOTCONN, False),
    ],
)
def test_what_a_server_says_is_an_error_of_the_place(
    kv: MemoryKv, store: KvStore, kind: Kind, number: int, *, retryable: bool
) -> None:
    """With the way out; reading tells that it cannot be told."""
    kv.down = kind
    error = refused(store, staged(store, wanted()))
    assert (error.path, error.errno, error.retryable, error.hint) == (WHERE.absolute, number, retryable, "look at it")
    assert error.refused is (kind in {Kind.REFUSED, Kind.DENIED})
    assert found(store, ".crt") == Unusable(problem="unreachable", detail=f"connection main: it is {kind}; look at it")
    assert (store.numbers_beside(WHERE), store.is_owned(WHERE, (".crt",), address="a", cluster="c", vouched=True)) == ((), False)


def test_custom_metadata_is_not_what_counts(kv: MemoryKv, store: KvStore, caplog: pytest.LogCaptureFixture) -> None:
    """A policy without it is told and stops nothing."""
    kv.annotates = False
    store.commit_all([staged(store, wanted())])
    assert (found(store, ".crt"), "custom metadata" in caplog.text) == (b"certificate", True)


def test_after_a_crash_the_secret_tells_what_happened(kv: MemoryKv, store: KvStore) -> None:
    """What was written for the intent is complete; what was not is not there any more."""
    one = staged(store, wanted())
    store.commit_all([one])
    again = KvStore(kv.engine, at_a_time=4)
    assert dict(again.read_back(one)) == {".key": b"key", ".crt": b"certificate"}
    again.commit_all([one])
    assert len(kv.secrets[PATH].data) == 1
    other = staged(store, wanted("two"))
    for recover in (again.read_back, lambda lost: again.commit_all([lost])):
        with pytest.raises(StoreError, match="was not written before the run ended"):
            recover(other)


def test_after_a_crash_nobody_may_know(kv: MemoryKv, store: KvStore) -> None:
    """While the server is away the intent stays open: its error is no judgement."""
    one = staged(store, wanted())
    kv.down = Kind.UNREACHABLE
    with pytest.raises(StoreError) as caught:
        KvStore(kv.engine, at_a_time=4).read_back(one)
    assert caught.value.errno == errno.EHOSTUNREACH


def test_what_was_discarded_is_forgotten(kv: MemoryKv, store: KvStore) -> None:
    """It is never written."""
    one = staged(store, wanted())
    store.discard(one)
    assert ("was not written" in str(refused(store, one)), kv.secrets) == (True, {})


def test_a_file_is_known_by_what_was_announced(kv: MemoryKv, store: KvStore) -> None:
    """``ca.crt`` is a file of ``ca``, unless a place is called so."""
    kv.put("clusters/demo/ca", {"certificate": "of the pair"})
    kv.put("clusters/demo/ca.crt", {"content": "of the bundle"})
    root = "vault://main/secret/data/clusters/demo"
    pair = Place(store="kv", root=root, path="ca", layout="vault-kv")
    bundle = Place(store="kv", root=root, path="ca.crt", layout="vault-kv")
    assert found(store, ".crt", pair) == b"of the pair"
    store.fetch([bundle])
    assert found(store, "", bundle) == b"of the bundle"
    assert found(store, ".fullchain.crt", pair) == Absent()


def test_generations_stand_beside(kv: MemoryKv, store: KvStore) -> None:
    """By their names; folders and others' secrets are none."""
    for name in ("ca", "ca.g1", "ca.g12", "ca.g0", "ca.g2x", "ca.g3/x", "other.g4"):
        kv.put(f"clusters/demo/{name}", {"certificate": "c"})
    assert store.numbers_beside(Place(store="kv", root=WHERE.root, path="ca", layout="vault-kv")) == (1, 12)


@pytest.mark.parametrize(
    ("data", "vouched", "expected"),
    [
        ({"metadata": {"cluster": "demo", "address": "component.api"}}, False, True),
        ({"metadata": {"cluster": "demo", "address": "component.old"}}, False, False),
        ({"metadata": {"cluster": "demo", "address": "component.old"}}, True, True),
        ({"metadata": {"cluster": "other", "address": "component.api"}}, False, False),
        ({"certificate": "c"}, True, False),
        ({"metadata": "demo"}, True, False),
        (None, True, False),
    ],
)
def test_ours_is_what_says_so(
    kv: MemoryKv, store: KvStore, data: dict[str, object] | None, *, vouched: bool, expected: bool
) -> None:
    """By the metadata in it; a signature by the right CA lets another address pass, which may have been its name."""
    if data is not None:
        kv.put(PATH, data)
    assert store.is_owned(WHERE, (".crt",), address="component.api", cluster="demo", vouched=vouched) is expected


def test_what_others_wrote_is_told(kv: MemoryKv, store: KvStore) -> None:
    """A field of another kind, or one too large."""
    kv.put(PATH, {"certificate": 7, "private_key": "x" * 100})
    assert found(store, ".crt") == Unusable(
        problem="unparsable", detail="the secret cannot be used: its field certificate is not text"
    )
    assert store.read(f"{WHERE.absolute}.key", limit=99) == Unusable(problem="too-large", detail="it is larger than 99 bytes")


def test_removing_can_be_undone_unless_it_is_for_good(kv: MemoryKv, store: KvStore) -> None:
    """Deleted softly, or with its whole history; what is gone already is fine."""
    store.remove(WHERE, (".crt",))
    assert not any(call.startswith("delete") for call in kv.calls)
    kv.put(PATH, {"certificate": "c"})
    store.remove(WHERE, (".crt",))
    assert (kv.secrets[PATH].deleted, found(store, ".crt")) == (True, Absent())
    store.remove(WHERE, (".crt",), for_good=True)
    assert PATH not in kv.secrets


def test_older_versions_are_destroyed_when_asked(kv: MemoryKv, store: KvStore) -> None:
    """A key that nobody may find any more stands in the history too; the latest stays."""
    store.remove_previous(WHERE)
    for number in range(3):
        kv.put(PATH, {"private_key": f"{number}"})
    store.remove_previous(WHERE)
    assert kv.secrets[PATH].data == [None, None, {"private_key": "2"}]


def test_a_pass_reads_each_secret_once(kv: MemoryKv, store: KvStore) -> None:
    """However many files are looked at; announcing it again reads it again."""
    kv.put(PATH, {"certificate": "c", "private_key": "k"})
    store.fetch([WHERE, WHERE])
    for _ in range(2):
        found(store, ".crt"), found(store, ".key")
    assert kv.calls.count(f"read {PATH}") == 1
    store.fetch([WHERE])
    assert kv.calls.count(f"read {PATH}") == 2


def test_what_was_read_is_never_taken_for_what_is_there(kv: MemoryKv, store: KvStore) -> None:
    """No cache of an earlier pass counts: nothing tells whether a secret has changed but reading it."""
    kv.put(PATH, {"certificate": AUTHORITY.certificate.pem.decode()})
    cache = Cache(now_ns=time.time_ns())
    View(cache, store).look(CERTIFICATES, f"{WHERE.absolute}.crt")
    assert (store.look(f"{WHERE.absolute}.crt"), cache.changed, cache.next_pass(now_ns=time.time_ns()).size) == (None, False, 0)


def test_what_was_just_written_is_known(kv: MemoryKv, store: KvStore) -> None:
    """The first look after a write costs nothing: the version says that nobody was in between. The next one does."""
    store.fetch([WHERE])
    store.commit_all([staged(store, wanted())])
    store.fetch([WHERE])
    assert (kv.calls.count(f"read {PATH}"), found(store, ".crt")) == (1, b"certificate")
    kv.put(PATH, {"certificate": "of another"})
    store.fetch([WHERE])
    assert (kv.calls.count(f"read {PATH}"), found(store, ".crt")) == (2, b"of another")


def test_all_stores_are_one(kv: MemoryKv, tmp_path: object) -> None:
    """Places on disk and in KV in one batch: each goes where it belongs, and what fails in one stops no other."""
    stores = Stores(lambda name: KvStore(kv.engine, at_a_time=1) if name == "main" else KvStore(_missing, at_a_time=1))
    disk = Place(store="files", root=str(tmp_path), path="api")
    away = Place(store="far", root="vault://far/secret/data/x", path="api", layout="vault-kv")
    made = [
        wanted(str(number), where=where, files=(OutFile(suffix=".key", data=b"key", mode=0o600),))
        for number, where in enumerate((disk, WHERE, away, disk))
    ]
    made[3] = wanted("3", where=Place(store="files", root=str(tmp_path), path="b"), files=made[0].files)
    taken = stores.stage_all(made)
    assert [one.intent for one in taken if isinstance(one, Staged)] == ["0", "1", "2", "3"]
    with pytest.raises(PartlyCommittedError) as caught:
        stores.commit_all([one for one in taken if isinstance(one, Staged)])
    assert set(caught.value.failed) == {"2"}
    paths = (f"{disk.absolute}.key", f"{WHERE.absolute}.key", f"{tmp_path}/b.key")
    states = [stores.read(path) for path in paths]
    assert [state.data for state in states if isinstance(state, ReadFile)] == [b"key"] * 3
    assert stores.read(f"{away.absolute}.key") == Unusable(
        problem="unreachable", detail="connection main: it is configuration; look at it"
    )


def _missing(_mount: str) -> Kv:
    raise trouble(Kind.CONFIGURATION)
