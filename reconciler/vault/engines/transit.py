"""The transit engine (Vault and OpenBao API, "Transit secrets engine"): keys that sign and never leave the server."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.vault.engines.api import Api
from reconciler.vault.engines.fields import Fields
from reconciler.vault.errors import Kind, VaultError

#: The words of the API for a hash, by ours.
_HASHES: Final = {"sha256": "sha2-256", "sha384": "sha2-384", "sha512": "sha2-512"}


class SigningKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its versions: each is a key pair of its own."""

    name: str
    kind: str
    """``ecdsa-p256``, ``rsa-2048``, ``ed25519``, …"""
    latest: int
    versions: Mapping[int, str]
    """The public key of each version: PEM, for Ed25519 base64 of its 32 bytes."""


class Transit:
    """One mount."""

    def __init__(self, client: Api, mount: str) -> None:
        """Takes the connection, and the mount without slashes at its ends."""
        self.client: Final = client
        self.mount: Final = mount

    def names(self) -> tuple[str, ...]:
        """The names of all keys.

        Raises:
            VaultError: they cannot be listed.
        """
        return self.client.list(f"{self.mount}/keys")

    def create(self, name: str, kind: str) -> None:
        """Makes a key that cannot be exported; one that is there already is left as it is, whatever its type.

        Raises:
            VaultError: also when it is not known whether it was made.
        """
        body = {"type": kind, "exportable": False, "allow_plaintext_backup": False}
        self.client.write(f"{self.mount}/keys/{name}", body, repeatable=True)

    def key(self, name: str) -> SigningKeys | None:
        """A key; None when there is none.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        path = f"{self.mount}/keys/{name}"
        try:
            fields = Fields(self.client.name, path, self.client.read(path).data)
        except VaultError as error:
            if error.kind is Kind.ABSENT:
                return None
            raise
        versions = {
            int(version): fields.inside("keys", version).text("public_key")
            for version, about in fields.table("keys").items()
            if version.isdecimal() and isinstance(about, dict)  # of a symmetric key a number stands here
        }
        return SigningKeys(name=name, kind=fields.text("type"), latest=fields.integer("latest_version"), versions=versions)

    def sign(self, name: str, version: int, data: bytes, digest: str) -> bytes:
        """Signs with one version of a key.

        Args:
            name: of the key.
            version: of the key.
            data: what is signed: a digest, or with `digest` ``none`` (Ed25519) the message.
            digest: ``sha256``, ``sha384``, ``sha512`` or ``none``.

        Returns:
            ECDSA as DER, RSA as PKCS #1 version 1.5, Ed25519 as its 64 bytes.

        Raises:
            VaultError: also when the answer makes no sense.
        """
        body: dict[str, object] = {"input": b64encode(data).decode("ascii"), "key_version": version}
        if digest != "none":
            body |= {
                "hash_algorithm": _HASHES[digest],
                "prehashed": True,
                "signature_algorithm": "pkcs1v15",
                "marshaling_algorithm": "asn1",
            }
        path = f"{self.mount}/sign/{name}"
        fields = Fields(self.client.name, path, self.client.write(path, body, repeatable=True).data)
        _, _, encoded = fields.text("signature").rpartition(":")  # vault:v1:…
        try:
            return b64decode(encoded, validate=True)
        except binascii.Error:
            fields.refuse("signature", "base64")

    def delete(self, name: str) -> None:
        """Takes a key away for good; a key has to be told first that this may be done.

        Raises:
            VaultError: it is still there.
        """
        if self.key(name) is None:
            return
        self.client.write(f"{self.mount}/keys/{name}/config", {"deletion_allowed": True}, repeatable=True)
        self.client.delete(f"{self.mount}/keys/{name}")
