"""Subjects, subject alternative names and usages, in the words of RFC 5280 and the Kubernetes CSR API.

A SAN is one canonical string, ``dns:api.example.com``, ``ip:192.0.2.1``, ``uri:spiffe://td/x`` or
``email:a@example.com``: a set of them compares, sorts and prints without further rules.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A distinguished name as the multiset of its attributes; order inside the DER is ours to choose."""

    common_name: str = ""
    organizations: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    localities: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Attributes of other types as ``OID=value``: never asked for, but found in certificates made elsewhere."""

    def same_as(self, other: Subject) -> bool:
        """Whether both hold the same attributes, whatever their order."""
        return self._key() == other._key()

    def _key(self) -> tuple[object, ...]:
        return (
            self.common_name,
            *(
                tuple(sorted(values))
                for values in (
                    self.organizations,
                    self.organizational_units,
                    self.countries,
                    self.provinces,
                    self.localities,
                    self.others,
                )
            ),
        )

    def __str__(self) -> str:
        """``CN=a, O=b, O=c``: for people, never parsed."""
        parts = [f"CN={self.common_name}"] if self.common_name else []
        for label, values in (
            ("O", self.organizations),
            ("OU", self.organizational_units),
            ("C", self.countries),
            ("ST", self.provinces),
            ("L", self.localities),
        ):
            parts += [f"{label}={value}" for value in values]
        return ", ".join((*parts, *self.others))


class NameConstraints(msgspec.Struct, frozen=True, kw_only=True):
    """Permitted and excluded subtrees as canonical strings: ``dns:example.com``, ``ip:192.0.2.0/24``, ``uri:``, ``email:``."""

    permitted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


#: Usages of the Kubernetes CSR API (certificates.k8s.io/v1 KeyUsage) that become extended key usages, by OID.
EXTENDED_USAGES: Final[dict[str, str]] = {
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
}

#: Usages of the same API that are bits of the keyUsage extension, by their ``cryptography`` attribute.
KEY_USAGES: Final[dict[str, str]] = {
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "data encipherment": "data_encipherment",
    "key agreement": "key_agreement",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
}
