"""What a server signed for an intent that came to nothing is revoked, and what is in use is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from reconciler.apply.journal import Intent, Issued, Journal, open_intents
from reconciler.apply.once import recover_interrupted
from reconciler.apply.orphans import SKEW, revoke_orphans
from reconciler.apply.publishing import Signed, _may_be_signed
from reconciler.apply.recovery import recover
from reconciler.apply.state import StateDirectory
from reconciler.desired.place import Place
from reconciler.issuers.keyrings import Keyring
from reconciler.plan.inventory import Record
from reconciler.stores.disk import DISK
from reconciler.stores.errors import StoreError
from reconciler.stores.files import stage
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509 import kubeconfig
from reconciler.x509.errors import LintError
from reconciler.x509.outputs import combined
from reconciler.x509.read import Certificate
from tests.builders import NOW, Pair, make_ca, make_key, make_leaf
from tests.stores.publishing import pair, place, publication, readable

AUTHORITY = make_ca("main")
KEY = make_key("kept")
USED = make_leaf(AUTHORITY, "api", key=KEY)
LOST = make_leaf(AUTHORITY, "api", key=KEY)
RECORD = Record(kind="component", paths=("/srv/pki/api.crt",), serial="1f")
AWAY = VaultError("main", "pki/certs", Kind.SEALED, "it is sealed")


@dataclass(slots=True)
class FakeKeyring:
    """What a server says that it has signed."""

    signed: tuple[Certificate, ...] = ()
    down: bool = False
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    revoked: list[Certificate] = field(default_factory=list)

    def issued_for(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """Whatever lives."""
        self.asked.append((spki_sha256, since))
        if self.down:
            raise AWAY
        return tuple(each for each in self.signed if each not in self.revoked)

    def revoke(self, certificate: Certificate) -> None:
        """Takes it out of use."""
        self.revoked.append(certificate)


def rings(keyring: FakeKeyring) -> dict[str, Keyring]:
    """The keyring of the only CA."""
    return {"main": cast("Keyring", keyring)}


def intent(where: Place, **fields: object) -> Intent:
    """Something that a server was asked for."""
    made = Intent(
        id="new", address="component.api", cluster="demo", place=where, spki_sha256=KEY.facts.spki_sha256, asked="main", at=NOW
    )
    return replace(made, **fields)


def as_pair(root: Path, used: Pair) -> None:
    """The certificate in a file of its own."""
    (root / "api.crt").write_bytes(used.certificate.pem)


def as_combined(root: Path, used: Pair) -> None:
    """In one file with its key."""
    (root / "api.pem").write_bytes(combined((used.certificate,), used.key))


def as_kubeconfig(root: Path, used: Pair) -> None:
    """In a kubeconfig."""
    text = kubeconfig.render(
        server="https://api:6443",
        ca_pem=AUTHORITY.certificate.pem,
        cluster_name="kubernetes",
        user_name="api",
        certificate=used.certificate.pem,
        key=used.key.pem(),
    )
    (root / "api").write_bytes(text)


def as_nonsense(root: Path, _used: Pair) -> None:
    """Something that nobody can read."""
    (root / "api.crt").write_bytes(b"nonsense")


@pytest.mark.parametrize("write", [as_pair, as_combined, as_kubeconfig])
def test_what_is_in_use_stays(tmp_path: Path, write: Callable[[Path, Pair], None]) -> None:
    """A key that stays through a renewal has two certificates then, and one of them works."""
    write(tmp_path, USED)
    keyring = FakeKeyring(signed=(LOST.certificate, USED.certificate))
    assert revoke_orphans(intent(place(tmp_path, "api")), rings(keyring), DISK) == 1
    assert (keyring.revoked, keyring.asked) == ([LOST.certificate], [(KEY.facts.spki_sha256, NOW - SKEW)])


@pytest.mark.parametrize("write", [as_nonsense, lambda *_: None])
def test_where_nothing_is_in_use(tmp_path: Path, write: Callable[[Path, Pair], None]) -> None:
    """Everything that was signed for the key is."""
    write(tmp_path, USED)
    keyring = FakeKeyring(signed=(LOST.certificate, USED.certificate))
    assert revoke_orphans(intent(place(tmp_path, "api")), rings(keyring), DISK) == 2


@pytest.mark.parametrize("found", [{}, {"at": None}])
def test_a_ca_that_is_on_no_server_any_more(tmp_path: Path, found: dict[str, object]) -> None:
    """Nobody can be asked, so that the intent stays open; it is told how to go on."""
    keyrings = rings(FakeKeyring()) if found else {}
    with pytest.raises(VaultError, match=r"of ca\.main: its key is on no server any more") as caught:
        revoke_orphans(intent(place(tmp_path, "api"), **found), keyrings, DISK)
    assert "declare it as it was" in caught.value.hint


def test_an_intent_is_settled_when_the_server_can_say(tmp_path: Path) -> None:
    """While it is away the intent stays open, and the staged files with it; then both are gone."""
    journal, where = Journal.open(str(tmp_path / "journal")), place(tmp_path / "root")
    journal.append([intent(where)])
    stage(publication(where, pair("new"), intent="new"))
    keyring = FakeKeyring(signed=(LOST.certificate,), down=True)

    def settle() -> tuple[bool, list[str]]:
        recovery = recover(
            journal, store=DISK, verify=lambda _: None, revoke=lambda open_: revoke_orphans(open_, rings(keyring), DISK)
        )
        assert [(each.id, error) for each, error in recovery.failed] == ([("new", AWAY)] if keyring.down else [])
        assert [item.revoked for item in recovery.items] == ([] if keyring.down else [1])
        return bool(open_intents(journal.records)), [str(path) for path in (tmp_path / "root").rglob("*-*")]

    still_open, staged = settle()
    assert (still_open, len(staged)) == (True, 1)
    keyring.down = False
    assert (settle(), keyring.revoked) == ((False, []), [LOST.certificate])


def test_what_is_durable_is_published_and_not_revoked(tmp_path: Path) -> None:
    """The run died after everything was there."""
    journal, where = Journal.open(str(tmp_path / "journal")), place(tmp_path / "root")
    journal.append([intent(where)])
    staged = stage(publication(where, pair("new"), intent="new"))
    journal.append([Issued(id="new", record=RECORD, digests=staged.digests)])
    keyring = FakeKeyring(signed=(LOST.certificate,))
    recovery = recover(
        journal, store=DISK, verify=lambda _: None, revoke=lambda open_: revoke_orphans(open_, rings(keyring), DISK)
    )
    assert ([item.completed for item in recovery.items], keyring.revoked) == ([True], [])
    assert readable(where)[".crt"] == "certificate of new"


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        ((), "what ca.main was asked for came to nothing, and nothing that it has signed is left"),
        ((LOST.certificate,), "what ca.main was asked for came to nothing; 1 certificate that it had signed revoked"),
        (
            (LOST.certificate, USED.certificate),
            "what ca.main was asked for came to nothing; 2 certificates that it had signed revoked",
        ),
    ],
)
def test_a_person_is_told(tmp_path: Path, signed: tuple[Certificate, ...], told: str) -> None:
    """What became of it, in a line."""
    state = StateDirectory(str(tmp_path / "state"))
    state.create()
    journal = Journal.open(state.journal_path)
    journal.append([intent(place(tmp_path / "root"))])
    keyring = FakeKeyring(signed=signed)
    notes = recover_interrupted(state, journal, store=DISK, keyrings=rings(keyring), now=NOW + timedelta(hours=1), actor="test")
    assert notes == (f"component.api: {told}",)


@pytest.mark.parametrize(
    ("result", "open_"),
    [
        *(
            (VaultError("main", "pki/sign/web", kind, "so it is"), kind in {Kind.UNKNOWN, Kind.NONSENSE, Kind.CONFLICT})
            for kind in Kind
        ),
        (LintError(("it came back with other names, and was revoked",)), True),
        (StoreError("/srv", "no space is left on the device"), False),  # found out before anybody is asked
        (Signed(publication=publication(place(Path("/srv")), (), intent="new"), record=RECORD), True),  # and not kept
    ],
    ids=str,
)
def test_an_intent_stays_open_while_something_may_be_signed(result: Signed | Exception, *, open_: bool) -> None:
    """Everything that does not prove the contrary."""
    assert _may_be_signed(result) is open_
