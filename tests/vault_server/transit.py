"""The engine transit: keys that sign and never leave."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.vault_server.clocks import rfc3339
from tests.vault_server.engine import Call, Engine, Route, route
from tests.vault_server.pki.state import PrivateKey, loaded
from tests.vault_server.wire import EMPTY, Refused, Response, data, listing

_KINDS: Final = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ed25519": "ed25519"} | {
    f"rsa-{bits}": f"rsa-{bits}" for bits in (2048, 3072, 4096)
}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha2-256": hashes.SHA256(),
    "sha2-384": hashes.SHA384(),
    "sha2-512": hashes.SHA512(),
}
_SIGN: Final = "input prehashed hash_algorithm marshaling_algorithm signature_algorithm key_version algorithm"
_CONFIG: Final = "deletion_allowed min_decryption_version min_encryption_version"


@dataclass(slots=True, kw_only=True)
class Version:
    """One key of a name."""

    pem: bytes
    created: float

    def public(self) -> str:
        """The public half: PEM, or the bare bytes in Base64 for Ed25519."""
        key = loaded(self.pem).public_key()
        if isinstance(key, ed25519.Ed25519PublicKey):
            return base64.b64encode(key.public_bytes_raw()).decode()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(slots=True, kw_only=True)
class Named:
    """The versions of a key."""

    kind: str
    versions: list[Version] = field(default_factory=list)
    deletion_allowed: bool = False
    min_decryption: int = 1
    min_encryption: int = 0


@dataclass(slots=True, kw_only=True)
class Transit(Engine):
    """Keys by name."""

    keys: dict[str, Named] = field(default_factory=dict)

    def routes(self) -> tuple[Route, ...]:
        """See secret/transit in the API."""
        return (
            route("LIST", "keys", self.names, "after limit"),
            route("POST", "keys/:name", self.create, "type exportable allow_plaintext_backup derived"),
            route("GET", "keys/:name", self.read),
            route("DELETE", "keys/:name", self.delete),
            route("POST", "keys/:name/config", self.configure, _CONFIG),
            route("POST", "keys/:name/rotate", self.rotate),
            route("POST", "sign/:name", self.sign, _SIGN),
            route("POST", "sign/:name/:hash", self.sign, _SIGN),
            route("GET", "export/:kind/:name", self.export),
        )

    def names(self, _call: Call) -> Response:
        """The keys."""
        return listing(sorted(self.keys))

    def create(self, call: Call) -> Response:
        """Makes a key, or leaves the one of that name as it is."""
        name, kind = call.params["name"], call.fields.text("type", "aes256-gcm96")
        if kind not in _KINDS:
            raise Refused(400, f"unknown key type {kind}")
        if any(call.fields.flag(name) for name in ("exportable", "allow_plaintext_backup", "derived")):
            raise Refused(400, "the scripted server has no keys that can be exported or derived")
        if name not in self.keys:
            self.keys[name] = Named(kind=kind, versions=[_new(kind, call.now)])
        return self.read(call)

    def read(self, call: Call) -> Response:
        """All of a key but itself."""
        name = call.params["name"]
        found = self.keys.get(name)
        if found is None:
            raise Refused(404)
        encrypts = found.kind.startswith("rsa")
        versions = {
            str(number): {
                "certificate_chain": "",
                "creation_time": rfc3339(version.created),
                "name": _KINDS[found.kind],
                "public_key": version.public(),
            }
            for number, version in enumerate(found.versions, start=1)
        }
        return data(
            allow_plaintext_backup=False,
            auto_rotate_period=0,
            deletion_allowed=found.deletion_allowed,
            derived=False,
            exportable=False,
            imported_key=False,
            keys=versions,
            latest_version=len(found.versions),
            min_available_version=0,
            min_decryption_version=found.min_decryption,
            min_encryption_version=found.min_encryption,
            name=name,
            soft_deleted=False,
            supports_decryption=encrypts,
            supports_derivation=found.kind == "ed25519",
            supports_encryption=encrypts,
            supports_signing=True,
            type=found.kind,
        )

    def configure(self, call: Call) -> Response:
        """Says whether it may be deleted, and which versions count."""
        found = self.keys.get(call.params["name"])
        if found is None:
            raise Refused(400, f"no existing key named {call.params['name']} could be found")
        found.deletion_allowed = call.fields.flag("deletion_allowed", found.deletion_allowed)
        found.min_decryption = call.fields.number("min_decryption_version", found.min_decryption)
        found.min_encryption = call.fields.number("min_encryption_version", found.min_encryption)
        return self.read(call)

    def rotate(self, call: Call) -> Response:
        """Makes a new version."""
        found = self.keys.get(call.params["name"])
        if found is None:
            raise Refused(400, "no existing key named " + call.params["name"] + " could be found")
        found.versions.append(_new(found.kind, call.now))
        return self.read(call)

    def delete(self, call: Call) -> Response:
        """Erases a key."""
        name = call.params["name"]
        found = self.keys.get(name)
        if found is None:
            raise Refused(400, f"error deleting policy {name}: could not delete key; not found")
        if not found.deletion_allowed:
            raise Refused(400, f"error deleting policy {name}: deletion is not allowed for this key")
        del self.keys[name]
        return EMPTY

    def export(self, call: Call) -> Response:
        """Never shows a key."""
        if call.params["name"] not in self.keys:
            raise Refused(404)
        raise Refused(400, "private key material is not exportable")

    def sign(self, call: Call) -> Response:
        """Signs text, or the digest of one."""
        given = call.fields
        found = self.keys.get(call.params["name"])
        algorithm = call.params.get("hash") or given.text("hash_algorithm") or given.text("algorithm") or "sha2-256"
        if algorithm not in _HASHES:
            raise Refused(400, f'invalid hash algorithm "{algorithm}"')
        try:
            text = base64.b64decode(given.text("input"), validate=True)
        except binascii.Error as problem:
            raise Refused(400, "unable to decode input as base64: illegal base64 data at input byte 0") from problem
        if found is None:
            raise Refused(400, "signing key not found")
        number = given.number("key_version") or len(found.versions)
        if number > len(found.versions):
            raise Refused(500, _wrapped("requested version for signing is higher than the latest key version"))
        key = loaded(found.versions[number - 1].pem)
        made = _signature(key, text, _HASHES[algorithm], call)
        return data(key_version=number, signature=f"vault:v{number}:{made}")


def _signature(key: PrivateKey, text: bytes, algorithm: hashes.HashAlgorithm, call: Call) -> str:
    given = call.fields
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return base64.b64encode(key.sign(text)).decode()
    prehashed = given.flag("prehashed")
    if not prehashed:
        digest = hashes.Hash(algorithm)
        digest.update(text)
        text = digest.finalize()
    if isinstance(key, rsa.RSAPrivateKey):
        kind = given.text("signature_algorithm", "pss")
        if kind not in {"pss", "pkcs1v15", ""}:
            raise Refused(500, _wrapped(f"unsupported rsa signature algorithm {kind}"))
        if len(text) != algorithm.digest_size:
            raise Refused(500, _wrapped("crypto/rsa: input must be hashed message"))
        scheme = padding.PKCS1v15() if kind == "pkcs1v15" else padding.PSS(padding.MGF1(algorithm), padding.PSS.MAX_LENGTH)
        return base64.b64encode(key.sign(text, scheme, utils.Prehashed(algorithm))).decode()
    marshaling = given.text("marshaling_algorithm", "asn1")
    if marshaling not in {"asn1", "jws"}:
        raise Refused(400, f'invalid marshaling type "{marshaling}"')
    made = key.sign(text, ec.ECDSA(_fitting(text)))
    if marshaling == "asn1":
        return base64.b64encode(made).decode()
    size = (key.key_size + 7) // 8
    r, s = utils.decode_dss_signature(made)
    return base64.urlsafe_b64encode(r.to_bytes(size, "big") + s.to_bytes(size, "big")).decode().rstrip("=")


def _fitting(digest: bytes) -> utils.Prehashed:
    """What signs a digest as it is, whatever it was made by: the server does not look."""
    for algorithm in _HASHES.values():
        if algorithm.digest_size == len(digest):
            return utils.Prehashed(algorithm)
    raise Refused(400, "a digest of SHA-2 is needed here")


def _new(kind: str, now: float) -> Version:
    key: PrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind.startswith("rsa-"):
        key = rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    else:
        key = ec.generate_private_key(ec.SECP256R1() if kind == "ecdsa-p256" else ec.SECP384R1())
    return Version(pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), created=now)


def _wrapped(text: str) -> str:
    return f"1 error occurred:\n\t* {text}\n\n"
