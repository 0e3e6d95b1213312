"""Looking a certificate up by its public key: what is read, in which order, how much at most, and what is said then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from reconciler.issuers.register import ALLOWANCE, Register
from reconciler.vault.answers import Answer
from reconciler.vault.engines.pki import Pki, colons, plain
from reconciler.vault.errors import Kind, VaultError
from tests.builders import NOW, YEAR, Pair, make_ca, make_key, make_leaf

CA = make_ca("root", lifetime=5 * YEAR)
KEY = make_key("wanted")


def leaf(name: str, *, age: timedelta = timedelta(0), key: bool = False, lifetime: timedelta = YEAR) -> Pair:
    """A certificate that was signed some time ago; with the key that is looked for, or with another."""
    early = make_ca("root", key=CA.key, lifetime=9 * YEAR, now=NOW - 2 * YEAR)
    return make_leaf(early, name, key=KEY if key else make_key("other"), now=NOW - age, lifetime=lifetime)


@dataclass(slots=True)
class Memory:
    """A mount that has stored certificates, as the client sees it."""

    stored: list[Pair]
    detailed: bool = True
    revoked: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()
    """Listed, and not there any more."""
    name: str = "main"
    read_serials: list[str] = field(default_factory=list)

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """One certificate, or what is told about all."""
        del params
        if path == "pki/certs/detailed":
            if not self.detailed:
                raise VaultError(self.name, path, Kind.ABSENT, "there is no such path")
            return Answer(data=self._listing())
        serial = plain(path.removeprefix("pki/cert/"))
        self.read_serials.append(serial)
        for each in self.stored:
            if each.certificate.facts.serial == serial:
                pem = each.certificate.pem.decode()
                return Answer(data={"certificate": pem, "revocation_time": int(serial in self.revoked)})
        raise VaultError(self.name, path, Kind.ABSENT, "there is nothing")

    def list(self, path: str) -> tuple[str, ...]:
        """All serial numbers."""
        assert path == "pki/certs"
        return (*(colons(each.certificate.facts.serial) for each in self.stored), *self.gone)

    def write(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Answer:
        """Nothing is written here."""
        raise NotImplementedError

    def delete(self, path: str) -> None:
        """Nor deleted."""
        raise NotImplementedError

    def raw(self, path: str) -> bytes:
        """Nor is there a list."""
        raise NotImplementedError

    def _listing(self) -> dict[str, object]:
        told = {
            colons(each.certificate.facts.serial): {
                "not_before": each.certificate.facts.not_before.isoformat().replace("+00:00", "Z"),
                "not_after": each.certificate.facts.not_after.isoformat().replace("+00:00", "Z"),
            }
            for each in self.stored
        }
        return {"keys": list(told), "key_info": told}


def store(memory: Memory, most: int = 100) -> Register:
    """It, as a store."""
    return Register(Pki(memory, "pki"), now=lambda: NOW, most=most)


def serials(*pairs: Pair) -> list[str]:
    """Their serial numbers."""
    return [pair.certificate.facts.serial for pair in pairs]


@pytest.mark.parametrize("detailed", [True, False], ids=["with dates", "without"])
def test_what_is_found(detailed: bool) -> None:
    """By the key, newest first: nothing that is revoked, over, or older than what is asked for."""
    newest, newer = leaf("a", key=True), leaf("b", key=True, age=timedelta(minutes=5))
    others = [
        leaf("old", key=True, age=timedelta(days=3)),
        leaf("over", key=True, age=timedelta(minutes=10), lifetime=timedelta(minutes=2)),
        revoked := leaf("revoked", key=True, age=timedelta(minutes=1)),
        leaf("stranger"),
    ]
    memory = Memory([*others, newer, newest], detailed=detailed, revoked=frozenset(serials(revoked)))
    found = store(memory).find(KEY.facts.spki_sha256, NOW - timedelta(minutes=5))
    assert found == (newest.certificate, newer.certificate)


def test_only_what_is_new_is_read_where_dates_are_told() -> None:
    """The newest first; what was signed long before is not read at all."""
    old, new = leaf("old", age=timedelta(days=3)), leaf("new", key=True)
    memory = Memory([old, new])
    assert store(memory).find(KEY.facts.spki_sha256, NOW) == (new.certificate,)
    assert memory.read_serials == serials(new)


def test_what_is_old_is_read_once_where_no_dates_are_told() -> None:
    """Looking again reads only what may be new."""
    old, recent = leaf("old", age=timedelta(days=3)), leaf("recent")
    memory = Memory([old, recent], detailed=False)
    looked = store(memory)
    assert (looked.find(KEY.facts.spki_sha256, NOW), looked.find(KEY.facts.spki_sha256, NOW)) == ((), ())
    assert sorted(memory.read_serials) == sorted([*serials(old, recent), *serials(recent)])


def test_a_server_with_another_clock() -> None:
    """A certificate that begins a little before it was asked for is found; one that begins long before is not."""
    for age, found in ((ALLOWANCE - timedelta(minutes=6), 1), (ALLOWANCE + timedelta(minutes=1), 0)):
        memory = Memory([leaf("a", key=True, age=age)])
        assert len(store(memory).find(KEY.facts.spki_sha256, NOW)) == found


@pytest.mark.parametrize("detailed", [True, False], ids=["with dates", "without"])
def test_too_many(detailed: bool) -> None:
    """So many are looked at and no more; not to have found it among them says nothing, and that is said."""
    memory = Memory([leaf(f"n{number}") for number in range(4)], detailed=detailed)
    with pytest.raises(VaultError, match="more than 3 certificates are stored, too many to look at") as caught:
        store(memory, most=3).find(KEY.facts.spki_sha256, NOW)
    assert (caught.value.kind, len(memory.read_serials)) == (Kind.UNKNOWN, 3)
    memory.stored[0] = leaf("n0", key=True)
    assert len(store(memory, most=4).find(KEY.facts.spki_sha256, NOW)) == 1


def test_what_is_gone_is_passed_over() -> None:
    """Tidied meanwhile: it is not the one."""
    memory = Memory([wanted := leaf("a", key=True)], detailed=False, gone=("0a:0b",))
    assert store(memory).find(KEY.facts.spki_sha256, NOW) == (wanted.certificate,)
