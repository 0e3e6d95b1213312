"""The PKI engine (Vault and OpenBao API, "PKI secrets engine"): issuers and keys, signing, certificates and their revocation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from reconciler.vault.engines.api import Api
from reconciler.vault.engines.fields import Fields
from reconciler.vault.errors import Kind, VaultError

#: Whether a key is made with the certificate or signing request, or has been there before.
Origin = Literal["internal", "existing"]

_PAGE: Final = 1000
_ABSENT: Final = frozenset({Kind.ABSENT, Kind.REFUSED})


class MountIssuer(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of a CA in the mount."""

    id: str
    name: str
    """Empty when it has none."""
    certificate: str
    """PEM."""
    chain: tuple[str, ...] = ()
    key_id: str = ""
    """Empty when there is no key for it."""
    default: bool = False


class MountKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in the mount."""

    id: str
    name: str
    """Empty when it has none."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What generating a root gave."""

    certificate: str
    """PEM."""
    issuer_id: str
    key_id: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What generating an intermediate gave."""

    csr: str
    """PEM."""
    key_id: str


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that the mount has stored."""

    certificate: str
    """PEM."""
    revoked: bool


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a detailed list says of a stored certificate."""

    serial: str
    """Hex, as everywhere here."""
    not_before: datetime
    not_after: datetime


class Pki:
    """One mount."""

    def __init__(self, client: Api, mount: str) -> None:
        """Takes the connection, and the mount without slashes at its ends."""
        self.client: Final = client
        self.mount: Final = mount

    def issuers(self) -> tuple[MountIssuer, ...]:
        """Every issuer of the mount, with a key or without.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        path = f"{self.mount}/issuers"
        try:
            listed = self._fields(path, self.client.read(path, {"list": "true"}).data)
        except VaultError as error:
            if error.kind is Kind.ABSENT:  # which is how an empty list is told; a mount that is missing is told by others
                return ()
            raise
        return tuple(
            self._issuer(each, default=listed.inside("key_info", each).flag("is_default", default=False))
            for each in listed.texts("keys")
        )

    def issuer(self, reference: str) -> MountIssuer:
        """One issuer, by id, name or ``default``.

        Raises:
            VaultError: also when there is none.
        """
        return self._issuer(reference, default=reference == "default")

    def mount_keys(self) -> tuple[MountKey, ...]:
        """Every key of the mount.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        path = f"{self.mount}/keys"
        try:
            listed = self._fields(path, self.client.read(path, {"list": "true"}).data)
        except VaultError as error:
            if error.kind is Kind.ABSENT:
                return ()
            raise
        return tuple(
            MountKey(id=each, name=listed.inside("key_info", each).text("key_name", "")) for each in listed.texts("keys")
        )

    def key_identifier(self, reference: str) -> str:
        """The subject key identifier of a key, in hex; empty where the server does not tell.

        Raises:
            VaultError: also when there is none.
        """
        path = f"{self.mount}/key/{reference}"
        told = self._fields(path, self.client.read(path).data).text("subject_key_id", "")
        return re.sub("[^0-9a-f]", "", told.lower())

    def role_stores(self, role: str) -> bool:
        """Whether what a role signs is stored, and so can be found and be revoked by its serial number.

        Raises:
            VaultError: also when there is no such role, or we may not look.
        """
        path = f"{self.mount}/roles/{role}"
        return not self._fields(path, self.client.read(path).data).flag("no_store", default=False)

    def sign(self, reference: str, role: str, body: Mapping[str, object]) -> str:
        """A certificate, PEM, by a role.

        Raises:
            VaultError: also when the answer makes no sense, and then something may have been signed.
        """
        return self._certificate(f"{self.mount}/issuer/{reference}/sign/{role}", body)

    def sign_verbatim(self, reference: str, role: str, body: Mapping[str, object]) -> str:
        """A certificate, PEM, with what the signing request says; with a role's limits where one is named.

        Raises:
            VaultError: see `sign`.
        """
        tail = f"/{role}" if role else ""
        return self._certificate(f"{self.mount}/issuer/{reference}/sign-verbatim{tail}", body)

    def sign_intermediate(self, reference: str, body: Mapping[str, object]) -> str:
        """The certificate of a CA, PEM.

        Raises:
            VaultError: see `sign`.
        """
        return self._certificate(f"{self.mount}/issuer/{reference}/sign-intermediate", body)

    def generate_root(self, origin: Origin, body: Mapping[str, object]) -> Made:
        """A root whose key stays on the server.

        Raises:
            VaultError: also when the answer makes no sense, and then it may have been made.
        """
        path = f"{self.mount}/root/generate/{origin}"
        fields = self._fields(path, self.client.write(path, body).data)
        return Made(certificate=fields.text("certificate"), issuer_id=fields.text("issuer_id"), key_id=fields.text("key_id"))

    def generate_intermediate(self, origin: Origin, body: Mapping[str, object]) -> Asked:
        """A signing request whose key stays on the server.

        Raises:
            VaultError: see `generate_root`.
        """
        path = f"{self.mount}/intermediate/generate/{origin}"
        fields = self._fields(path, self.client.write(path, body, repeatable=origin == "existing").data)
        return Asked(csr=fields.text("csr"), key_id=fields.text("key_id"))

    def import_certificate(self, certificate: str) -> tuple[str, str]:
        """Takes in the certificate of a CA; gives the issuer's id and that of its key, empty without one.

        What is there already is only told.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        path = f"{self.mount}/intermediate/set-signed"
        fields = self._fields(path, self.client.write(path, {"certificate": certificate}, repeatable=True).data)
        known = (*fields.texts("imported_issuers"), *fields.texts("existing_issuers"))
        if len(known) != 1:
            fields.refuse("imported_issuers", "a list of one")
        key = fields.table("mapping").get(known[0]) or ""
        return known[0], key if isinstance(key, str) else fields.refuse("mapping", "an object of strings")

    def rename(self, issuer_id: str, name: str) -> None:
        """Names an issuer. The call sets everything else to what a new issuer has: it is for those that we just made.

        Raises:
            VaultError: also when another one has the name.
        """
        self.client.write(f"{self.mount}/issuer/{issuer_id}", {"issuer_name": name}, repeatable=True)

    def delete_issuer(self, issuer_id: str) -> None:
        """Takes an issuer away; its key stays.

        Raises:
            VaultError: it is still there.
        """
        self.client.delete(f"{self.mount}/issuer/{issuer_id}")

    def delete_key(self, key_id: str) -> None:
        """Takes a key away that no issuer uses.

        Raises:
            VaultError: it is still there.
        """
        self.client.delete(f"{self.mount}/key/{key_id}")

    def revoke(self, *, serial: str = "", certificate: str = "") -> bool:
        """Revokes by serial number what is stored, or by its PEM what is not.

        Returns:
            Whether it is revoked; an expired certificate is not, unless the mount is configured so.

        Raises:
            VaultError: it is not.
        """
        body = {"serial_number": colons(serial)} if serial else {"certificate": certificate}
        path = f"{self.mount}/revoke"
        return self._fields(path, self.client.write(path, body, repeatable=True).data).integer("revocation_time", 0) > 0

    def stored(self, serial: str) -> Stored | None:
        """What the mount knows of a certificate; None when it has not stored it.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        path = f"{self.mount}/cert/{colons(serial)}"
        try:
            fields = self._fields(path, self.client.read(path).data)
        except VaultError as error:
            if error.kind is Kind.ABSENT:
                return None
            raise
        return Stored(certificate=fields.text("certificate"), revoked=fields.integer("revocation_time", 0) > 0)

    def serials(self) -> tuple[str, ...]:
        """The serial numbers of everything that is stored, in no order that says anything.

        Raises:
            VaultError: they cannot be listed.
        """
        return tuple(map(plain, self.client.list(f"{self.mount}/certs")))

    def detailed(self) -> Iterator[Listed] | None:
        """What is stored, with its dates; None where the server has no such list (OpenBao has it since 2.2).

        Raises:
            VaultError: they cannot be listed, or the answer makes no sense.
        """
        first = self._page("")
        return None if first is None else self._pages(first)

    def crl(self, reference: str) -> bytes:
        """The revocation list of an issuer, DER; empty when there is none.

        Raises:
            VaultError: it cannot be had.
        """
        return self.client.raw(f"{self.mount}/issuer/{reference}/crl/der")

    def rotate_crl(self) -> None:
        """Makes the lists of all issuers of the mount anew.

        Raises:
            VaultError: they may be the old ones.
        """
        self.client.read(f"{self.mount}/crl/rotate")

    def _issuer(self, reference: str, *, default: bool) -> MountIssuer:
        path = f"{self.mount}/issuer/{reference}"
        fields = self._fields(path, self.client.read(path).data)
        return MountIssuer(
            id=fields.text("issuer_id"),
            name=fields.text("issuer_name", ""),
            certificate=fields.text("certificate"),
            chain=fields.texts("ca_chain"),
            key_id=fields.text("key_id", ""),
            default=default,
        )

    def _certificate(self, path: str, body: Mapping[str, object]) -> str:
        return self._fields(path, self.client.write(path, body).data).text("certificate")

    def _page(self, after: str) -> Fields | None:
        path = f"{self.mount}/certs/detailed"
        params = {"list": "true", "limit": str(_PAGE)} | ({"after": after.replace(":", "-")} if after else {})
        try:
            return self._fields(path, self.client.read(path, params).data)
        except VaultError as error:
            if error.kind in _ABSENT:
                return None
            raise

    def _pages(self, page: Fields | None) -> Iterator[Listed]:
        while page is not None:
            keys = page.texts("keys")
            for each in keys:
                about = page.inside("key_info", each)
                yield Listed(serial=plain(each), not_before=_instant(about, "not_before"), not_after=_instant(about, "not_after"))
            page = self._page(keys[-1]) if len(keys) == _PAGE else None

    def _fields(self, path: str, data: Mapping[str, object]) -> Fields:
        return Fields(self.client.name, path, data)


def colons(serial: str) -> str:
    """``0a:1b:2c``, as this API spells serial numbers, of ``a1b2c``."""
    padded = serial if len(serial) % 2 == 0 else f"0{serial}"
    return ":".join(padded[start : start + 2] for start in range(0, len(padded), 2))


def plain(serial: str) -> str:
    """The other way round."""
    return serial.replace(":", "").replace("-", "").lower().lstrip("0")


def _instant(fields: Fields, name: str) -> datetime:
    try:
        return datetime.fromisoformat(fields.text(name)).astimezone(UTC)
    except ValueError:
        fields.refuse(name, "a time")
