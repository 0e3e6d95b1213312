"""What nobody is to use any more is revoked by the server that signed it, also where no list is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from msgspec.structs import replace

from reconciler.apply.run import Run
from reconciler.apply.withdrawing import withdrawn
from reconciler.desired.model import Revocation
from reconciler.desired.vault import PkiKey, TransitKey
from reconciler.observed.model import Certificates
from reconciler.plan.inventory import REVOKED_THERE, Revoked
from reconciler.vault.errors import Kind, VaultError
from tests.plan.world import DAY, NOW, ca, component, settled

CA: Final = "ca.main"
API: Final = "component.api"
PKI: Final = PkiKey(connection="main", mount="pki", role="web", create=True)
AWAY: Final = VaultError("main", "pki/revoke", Kind.SEALED, "it is sealed", hint="unseal it")
LEFT: Final = Revoked(serial="77", issuer=CA, at=NOW, address="component.old", not_after=NOW + DAY)


@dataclass(slots=True)
class FakeKeyring:
    """Revokes, unless it is away."""

    down: bool = False
    serials: list[str] = field(default_factory=list)

    def revoke_serial(self, serial: str) -> None:
        """Takes it out of use."""
        if self.down:
            raise AWAY
        self.serials.append(serial)


def run(keyring: FakeKeyring, *, done: tuple[str, ...] = (), **fields: Any) -> Run:  # noqa: ANN401 - any field of the CA
    """A run that has done its work."""
    world = settled(ca(**{"key_in": PKI} | fields), component())
    found = SimpleNamespace(
        desired=world.desired,
        observed=world.observed,
        keyrings={"main": keyring},
        done=list(done),
        failed={},
        now=lambda: NOW,
    )
    return cast("Run", found)


def test_what_left_is_revoked_once() -> None:
    """What the server has done is kept."""
    keyring = FakeKeyring()
    (after,) = withdrawn(run(keyring), [LEFT])
    assert (after.signer, withdrawn(run(keyring), [after]), keyring.serials) == (REVOKED_THERE, (after,), ["77"])


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"key_in": None}, LEFT),
        ({"key_in": TransitKey(connection="main", mount="transit", name="x")}, LEFT),
        ({"publishes": True}, LEFT),  # the list that is published has it revoked
        ({}, Revoked(serial="77", issuer="ca.other", at=NOW)),
        ({}, Revoked(serial="77", issuer=CA, at=NOW, not_after=NOW - timedelta(seconds=1))),
    ],
    ids=["ours", "transit", "has a list", "of another CA", "has ended"],
)
def test_what_is_not_asked_of_the_server(fields: dict[str, Any], left: Revoked) -> None:
    """Others see to it, or nobody has to."""
    keyring = FakeKeyring()
    assert (withdrawn(run(keyring, **fields), [left]), keyring.serials) == ((left,), [])


def test_a_view_that_signs_nothing_revokes_nothing() -> None:
    """A node that fetches what others issue has no way to the engine."""
    at_work = run(FakeKeyring())
    at_work.keyrings = {}
    assert (withdrawn(at_work, [LEFT]), at_work.failed) == ((LEFT,), {})


def test_a_server_that_is_away_is_asked_by_the_next_apply() -> None:
    """The apply is not complete, and says of what."""
    keyring = FakeKeyring(down=True)
    at_work = run(keyring)
    assert withdrawn(at_work, [LEFT]) == (LEFT,)
    assert at_work.failed == {"component.old": "serial 77 is not revoked: connection main, pki/revoke: it is sealed; unseal it"}


@pytest.mark.parametrize(("done", "revoked"), [((API,), True), ((), False)], ids=["replaced", "still in use"])
def test_what_git_revokes(done: tuple[str, ...], *, revoked: bool) -> None:
    """Reissue first: the certificate that somebody works with is not taken away."""
    keyring = FakeKeyring()
    at_work = run(keyring, done=done)
    found = at_work.observed.pairs[API].certificate
    assert isinstance(found, Certificates)
    used = found.chain[0].serial
    entries = (Revocation(component=API, ca="main", serial=used), Revocation(component="component.gone", ca="main", serial="99"))
    at_work.desired = replace(at_work.desired, revocations=entries)
    after = withdrawn(at_work, [])
    assert keyring.serials == ([used, "99"] if revoked else ["99"])
    assert {each.serial: each.signer for each in after} == dict.fromkeys(keyring.serials, REVOKED_THERE)
