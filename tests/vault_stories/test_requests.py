"""Signing requests whose CA is on a server: it gets the request as it came; what it signs is compared, renewed and revoked."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509

from tests.requesting import csr, manifest
from tests.vault_stories.site import Site, in_pki, in_transit

GROUPS = {"requests": {"groups": ["dev"]}}


def authority(place: Site, kind: str) -> tuple[dict[str, Any], str]:
    """A CA, and its mount where that is a PKI engine."""
    if kind == "transit":
        return in_transit(place.vault.mounted("transit")), ""
    mount = place.pki()
    if kind == "role":
        role = place.role(mount, ext_key_usage=["ClientAuth"], key_usage=["DigitalSignature", "KeyEncipherment"])
        return in_pki(mount, role=role, create=True), mount
    return in_pki(mount, signVerbatim=True, create=True), mount


def jane(**more: object) -> dict[str, Any]:
    """The entry of a request."""
    return {"csr": "requests/jane.csr", "ca": "main", "approval": "approved", "lifetime": "30d", "path": "jane", **more}


def ask(place: Site, request: str, *, file: str = "jane.csr") -> None:
    """A request comes."""
    (place.path / "requests").mkdir(exist_ok=True)
    (place.path / "requests" / file).write_text(request)


@pytest.mark.parametrize("key", ["ecdsa-p256", "rsa-2048", "ed25519"])
@pytest.mark.parametrize("kind", ["verbatim", "role", "transit"])
@pytest.mark.parametrize("store", ["files", "kv"])
def test_a_server_signs_for_a_key_that_nobody_here_has(place: Site, kind: str, key: str, store: str) -> None:
    """In files and in KV; then nothing is left to do."""
    subject = "/CN=jane" if kind == "role" else "/O=dev/CN=jane"
    ask(place, csr(subject, key=key))
    ca, _ = authority(place, kind)
    place.write(
        policy=GROUPS,
        cas={"main": {"path": "ca/main", **ca}},
        bundles={"trust": {"cas": ["main"], "path": "trust.pem"}},
        requests={"jane": jane(store=store)},
    )
    place.apply()
    place.verifies("jane", "trust.pem")
    place.settled()
    wanted = x509.load_pem_x509_csr(csr(subject, key=key).encode())
    made = place.certificate("jane")
    assert made.public_key() == wanted.public_key()
    assert {each.rfc4514_string() for each in made.subject} == {each.rfc4514_string() for each in wanted.subject}


def test_it_is_renewed_and_taken_back_there(place: Site) -> None:
    """For the same key, with another serial; when the request is withdrawn, all that was signed is revoked."""
    ask(place, csr())
    ca, mount = authority(place, "verbatim")
    place.write(cas={"main": {"path": "ca/main", **ca}}, requests={"jane": jane()})
    place.apply()
    first = place.serial("jane")
    place.passes(days=29)
    assert place.plan()["request.jane"] == ("reissue", ("RenewalDue",))
    place.write(requests={"jane": {"reissue": "now", "lifetime": "60d"}})
    place.apply()
    assert place.serial("jane") != first
    assert sum(place.live(mount).values()) == 2
    place.write(requests={"jane": None})
    place.apply()
    assert not place.file("jane.crt").exists()
    assert sum(place.live(mount).values()) == 0
    place.settled()


def test_an_answer_to_an_object_comes_from_a_server_too(place: Site) -> None:
    """With the certificate that it signed."""
    ask(place, manifest(csr()), file="jane.yaml")
    ca, _ = authority(place, "verbatim")
    place.write(cas={"main": {"path": "ca/main", **ca}}, requests={"jane": jane(csr="requests/jane.yaml")})
    place.apply()
    assert "certificate:" in place.file("jane.yaml").read_text()
    place.settled()


def test_a_ca_that_signs_nothing_is_told_before(place: Site) -> None:
    """Neither a role nor verbatim: an error of the desired state."""
    ask(place, csr())
    place.write(cas={"main": {"path": "ca/main", **in_pki(place.pki(), create=True)}}, requests={"jane": jane()})
    said = place.call("validate")
    assert (said.code, "CPK714" in said.out) == (1, True)
