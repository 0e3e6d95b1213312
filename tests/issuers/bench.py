"""A bench for issuers on a server: mounts, roles, CAs and requests in a word each, and a client whose calls go wrong.

Every test that works on it runs against the scripted server, and against a real one where the environment names one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TypeVar

import pytest

from reconciler.apply.requests import ca_request, renewal_request
from reconciler.desired.model import CA
from reconciler.desired.place import Place
from reconciler.desired.vault import Auth, Connection, PkiKey, TransitKey
from reconciler.issuers.keyrings import Keyring, keyring_of
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.protocol import Issuer
from reconciler.vault.client import Client
from reconciler.vault.engines.api import Answered, Api
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.build import new_serial, self_signed
from reconciler.x509.crl import RevocationList
from reconciler.x509.facts import CrlEntry, KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import Request, validity
from reconciler.x509.read import Certificate
from tests.vault_server.api import Vault

DAY = timedelta(days=1)
CLUSTER = "demo"
VARIABLE = "OUR_TOKEN"

#: Lets through whatever the tests ask for; its usages are the server's.
WIDE: Mapping[str, object] = {
    "allow_any_name": True,
    "allowed_uri_sans": ["*"],
    "enforce_hostnames": False,
    "cn_validations": ["disabled"],
    "key_type": "any",
    "server_flag": True,
    "client_flag": False,
    "max_ttl": "9000h",
}


_Thing = TypeVar("_Thing")


class Killed(BaseException):
    """The process died."""


def utc_now() -> datetime:
    """The time; servers go by it."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Interposed:
    """A client whose calls go wrong: all that change something are counted, and one of them is the last, or lost."""

    inner: Api
    dies_after: int = 0
    """The process dies when this call was carried out; 0 for never."""
    loses: str = ""
    """Calls to paths of this pattern are carried out, and the answer is lost."""
    drops: str = ""
    """Calls to paths of this pattern are lost before they are carried out; nobody can tell."""
    fails: str = ""
    """Reads of paths of this pattern find nobody."""
    calls: list[str] = field(default_factory=list)
    """The paths of those that change something."""

    @property
    def name(self) -> str:
        """Of the connection."""
        return self.inner.name

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Answered:
        """GET."""
        self._reach(path)
        return self.inner.read(path, params)

    def list(self, path: str) -> tuple[str, ...]:
        """LIST."""
        self._reach(path)
        return self.inner.list(path)

    def raw(self, path: str) -> bytes:
        """GET of bytes."""
        return self.inner.raw(path)

    def write(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Answered:
        """POST."""
        return self._go(path, lambda: self.inner.write(path, body, repeatable=repeatable))

    def delete(self, path: str) -> None:
        """DELETE."""
        self._go(path, lambda: self.inner.delete(path))

    def _go(self, path: str, call: Callable[[], _Thing]) -> _Thing:
        if self.drops and fnmatchcase(path, self.drops):
            raise self._cut(path)
        done = call()
        self.calls.append(path)
        if len(self.calls) == self.dies_after:
            raise Killed
        if self.loses and fnmatchcase(path, self.loses):
            raise self._cut(path)
        return done

    def _reach(self, path: str) -> None:
        if self.fails and fnmatchcase(path, self.fails):
            raise VaultError(self.name, path, Kind.UNREACHABLE, "it is gone")

    def _cut(self, path: str) -> VaultError:
        return VaultError(self.name, path, Kind.UNKNOWN, "the connection ended before there was an answer")


class Bench:
    """A server, a client of it, and words for what is on it."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        connection = Connection(name="main", addresses=(vault.address,), auth=Auth(method="token", token_env=VARIABLE))
        self.client = Client(connection, environ={VARIABLE: vault.root_token})
        self.api = Interposed(self.client)
        self.waits: list[float] = []

    def pki(self, **roles: Mapping[str, object]) -> str:
        """A mount with the role ``wide``, and others that differ from it in what is said."""
        mount = self.vault.mounted("pki", max_lease_ttl="87600h")
        for name, changed in {"wide": {}, **roles}.items():
            self.vault.must("POST", f"{mount}/roles/{name}", {**WIDE, **changed})
        return mount

    def ca(
        self,
        name: str,
        key_in: PkiKey | TransitKey | None,
        *,
        issuer: str | None = None,
        key: KeyAlgorithm = KeyAlgorithm.ECDSA_P256,
        lifetime: timedelta = 1000 * DAY,
        path_length: int | None = None,
        name_constraints: NameConstraints | None = None,
    ) -> CA:
        """A CA as it is desired."""
        return CA(
            address=f"ca.{name}",
            name=name,
            place=Place(store="files", root="/", path=name),
            subject=Subject(common_name=f"{name} CA", organizations=("o", "p")),
            key=key,
            lifetime=lifetime,
            renew_before=DAY,
            issuer=issuer,
            key_in=key_in,
            path_length=path_length,
            name_constraints=name_constraints,
        )

    def keyring(self, ca: CA, at_hand: Mapping[str, Certificate] | None = None, *, api: Api | None = None) -> Keyring:
        """Its keyring, whose waits are written down instead of waited."""
        found = at_hand or {}
        return keyring_of(ca, api or self.api, CLUSTER, now=utc_now, sleep=self.waits.append, at_hand=found.get)

    def root(self, mount: str, name: str = "root", **changed: object) -> tuple[CA, Certificate]:
        """A root of ours in a mount."""
        ca = self.ca(name, pki_key(mount, **changed))
        return ca, self.keyring(ca).create(ca, 1, self.asked(ca), None)

    def issuer(self, mount: str, name: str = "root", **changed: object) -> Issuer:
        """What signs for a new root in a mount, with what is said about it."""
        ca, certificate = self.root(mount, name, **changed)
        return self.keyring(ca).open(certificate, ())

    def local(self, name: str = "local", *, key: PrivateKey | None = None) -> LocalIssuer:
        """A root whose key we hold."""
        key = key or PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
        return LocalIssuer(self_signed(self.asked(self.ca(name, None)), key), key)

    def asked(self, ca: CA, parent: Issuer | None = None) -> Request:
        """The request for a CA's certificate."""
        facts = parent.certificate.facts if parent is not None else None
        return ca_request(ca, facts, now=utc_now(), serial=new_serial())

    def asked_again(self, ca: CA, old: Certificate, parent: Issuer | None = None) -> Request:
        """The request for its next certificate."""
        facts = parent.certificate.facts if parent is not None else None
        return renewal_request(ca, old.facts, facts, now=utc_now(), serial=new_serial())

    def leaf(
        self,
        issuer: Issuer,
        *,
        lifetime: timedelta = 90 * DAY,
        organizations: tuple[str, ...] = (),
        sans: tuple[str, ...] = ("dns:api.example.com", "email:a@b.example", "ip:192.0.2.1", "uri:spiffe://td/x"),
        usages: tuple[str, ...] = ("server auth",),
    ) -> Request:
        """The request for a component's certificate."""
        begin, end = validity(utc_now(), lifetime, issuer.certificate.facts)
        subject = Subject(common_name="api", organizations=organizations)
        return Request(subject=subject, sans=sans, usages=usages, not_before=begin, not_after=end, serial=new_serial())


def pki_key(mount: str, **changed: object) -> PkiKey:
    """What a desired state says of a mount: ours, with the role ``wide``."""
    given = {"role": "wide", "create": True, **changed}
    return PkiKey(connection="main", mount=mount, **given)  # type: ignore[arg-type]


def new_list(issuer: Issuer, *serials: str) -> RevocationList:
    """The list of an issuer with these serials, as an apply asks for it."""
    now = utc_now().replace(microsecond=0)
    entries = [CrlEntry(serial=serial, at=now) for serial in serials]
    return issuer.sign_list(entries, number=int(now.timestamp()), this_update=now - DAY, next_update=now + 7 * DAY)


@pytest.fixture
def bench(vault: Vault) -> Iterator[Bench]:
    """The bench on each server that there is."""
    made = Bench(vault)
    yield made
    made.client.close()
