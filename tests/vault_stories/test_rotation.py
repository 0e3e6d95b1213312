"""A new generation in an engine and the end of the old one; revocation, and the lists that the server makes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509

from tests.vault_stories.site import Site, in_pki, in_transit, server

ROTATION = {"soak": "1s", "retired": "destroy"}


@pytest.fixture
def mount(place: Site) -> str:
    """An engine."""
    return place.pki()


@pytest.fixture
def made(place: Site, mount: str) -> Iterator[Site]:
    """Two CAs in one mount, a server and a client of the first, and a server of the second."""
    place.write(
        cas={
            "main": {
                "path": "ca/main",
                "rotation": ROTATION,
                "crl": {"path": "ca/main.crl", "formats": ["pem", "der"]},
                **in_pki(mount, signVerbatim=True, create=True),
            },
            "second": {"path": "ca/second", "store": "kv", **in_pki(mount, signVerbatim=True, create=True)},
        },
        components={
            "api": server("main", "api", store="kv"),
            "jane": {"ca": "main", "usages": ["client auth"], "path": "pki/jane"},
            "other": server("second", "other"),
        },
        bundles={"all": {"cas": ["main", "second"], "path": "trust.pem"}},
    )
    place.apply()
    yield place
    all_verify(place)


def all_verify(place: Site) -> None:
    """What openssl says: it accepts whatever is presented."""
    for component in place.document["components"].values():
        place.verifies(component["path"], "trust.pem")


def issuers(place: Site, mount: str) -> set[str]:
    """The names of the issuers of a mount, without that of the cluster; keys that no issuer has are called so."""
    listed: Any = place.vault.must("LIST", f"{mount}/issuers").data["key_info"]
    keys: Any = place.vault.must("LIST", f"{mount}/keys").data["keys"]
    found = {place.vault.must("GET", f"{mount}/issuer/{each}").data["issuer_name"] for each in listed}
    used = {each["key_id"] for each in listed.values()} if all("key_id" in each for each in listed.values()) else set(keys)
    return {str(name).removeprefix(f"{place.document['cluster']}-") for name in found} | {
        "orphan" for key in keys if key not in used
    }


def crl(place: Site, form: str = "pem") -> tuple[x509.CertificateRevocationList, ...]:
    """The lists that are published."""
    if form == "der":
        return (x509.load_der_x509_crl(place.file("ca/main.crl.der").read_bytes()),)
    text = place.file("ca/main.crl").read_text()
    parts = [f"{part}-----END X509 CRL-----\n" for part in text.split("-----END X509 CRL-----\n")[:-1]]
    return tuple(x509.load_pem_x509_crl(part.encode()) for part in parts)


def listed(place: Site, form: str = "pem") -> set[int]:
    """The serials on them."""
    return {entry.serial_number for each in crl(place, form) for entry in each}


def walk(place: Site) -> None:
    """Applies until nothing is left; everything verifies after every step."""
    for _ in range(6):
        place.apply()
        all_verify(place)
        place.passes(minutes=10)
    place.settled()


def test_there_and_on_and_the_old_key_is_destroyed(made: Site, mount: str) -> None:
    """The second generation stands beside the first in one mount; afterwards of the first nothing is left, neighbours stay."""
    other, old = made.pem("pki/other"), made.serial("ca/main")
    assert issuers(made, mount) == {"main-g1", "second-g1"}
    made.write(cas={"main": {"generation": 2}})
    made.apply()
    assert issuers(made, mount) == {"main-g1", "main-g2", "second-g1"}
    assert len(crl(made)) == 2
    walk(made)
    assert issuers(made, mount) == {"main-g2", "second-g1"}
    assert made.serial("ca/main") != old
    assert made.pem("pki/other") == other
    assert sorted(path.name for path in made.file("ca").glob("main*.crt")) == ["main.crt", "main.g2.crt"]


def test_and_back_before_the_old_one_is_distrusted(made: Site, mount: str) -> None:
    """On the way back everything is signed by the first again, and what the second was is destroyed."""
    made.write(cas={"main": {"generation": 2, "rotation": {**ROTATION, "soak": "24h"}}})
    made.apply()
    all_verify(made)
    made.write(cas={"main": {"generation": 1, "rotation": ROTATION}})
    walk(made)
    assert issuers(made, mount) == {"main-g1", "second-g1"}


@pytest.mark.parametrize("below", ["pki", "transit", "local"])
def test_what_is_below_a_ca_that_rotates(place: Site, below: str) -> None:
    """A CA below gets a certificate of the new generation around its own key; what it signed stays as it is."""
    homes = {
        "pki": in_pki(place.pki(), signVerbatim=True, create=True, parent="main"),
        "transit": {"issuer": "main", **in_transit(place.vault.mounted("transit"))},
        "local": {"issuer": "main"},
    }
    place.write(
        cas={
            "main": {"path": "ca/main", "rotation": {**ROTATION}, **in_pki(place.pki(), create=True)},
            "below": {"path": "ca/below", **homes[below]},
        },
        components={"api": server("below", "api")},
        bundles={"all": {"cas": ["main"], "path": "trust.pem"}},
    )
    place.apply()
    leaf, key = place.serial("pki/api"), place.certificate("ca/below").public_key()
    place.write(cas={"main": {"generation": 2}})
    walk(place)
    assert (place.serial("pki/api"), place.certificate("ca/below").public_key()) == (leaf, key)


@pytest.mark.parametrize("engine", ["pki", "transit"])
def test_renewal_keeps_the_key(place: Site, engine: str) -> None:
    """A CA that is due is renewed around its key: what it signed before verifies with the new certificate."""
    home = in_pki(place.pki(), signVerbatim=True, create=True) if engine == "pki" else in_transit(place.vault.mounted("transit"))
    place.write(
        cas={"main": {"path": "ca/main", "lifetime": "2h", "renewBefore": "119m", "rotation": {"strategy": "renew"}, **home}},
        components={"api": server("main", "api", lifetime="10m", renewBefore="1m")},
        bundles={"all": {"cas": ["main"], "path": "trust.pem"}},
    )
    place.apply()
    leaf, before = place.pem("pki/api"), place.certificate("ca/main")
    assert place.plan()["ca.main"] == ("reissue", ("RenewalDue",))
    place.apply()
    after = place.certificate("ca/main")
    assert after.public_key() == before.public_key()
    assert after.serial_number != before.serial_number
    assert place.pem("pki/api") == leaf
    place.verifies("pki/api", "trust.pem")


def test_a_key_in_transit_rotates_too(place: Site) -> None:
    """The same walk, with a key of its own for each generation, and the first destroyed at the end."""
    transit = place.vault.mounted("transit")
    place.write(
        cas={"main": {"path": "ca/main", "rotation": ROTATION, "crl": {"path": "ca/main.crl"}, **in_transit(transit)}},
        components={"api": server("main", "api")},
        bundles={"all": {"cas": ["main"], "path": "trust.pem"}},
    )
    place.apply()
    place.write(cas={"main": {"generation": 2}})
    walk(place)
    assert place.vault.must("LIST", f"{transit}/keys").data["keys"] == ["ca-g2"]


@pytest.mark.parametrize("auto_rebuild", [False, True], ids=["at once", "auto_rebuild"])
def test_what_is_revoked_is_on_the_list_that_we_publish(made: Site, mount: str, *, auto_rebuild: bool) -> None:
    """By git or because it left: revoked on the server, and the list is fetched until the serial is on it, in PEM and DER."""
    made.vault.must("POST", f"{mount}/config/crl", {"auto_rebuild": auto_rebuild, "expiry": "72h"})
    stolen, gone = made.serial("pki/api"), made.serial("pki/jane")
    made.write(revocations=[{"component": "api", "serial": f"{stolen:x}", "reason": "keyCompromise"}])
    made.apply()
    made.settled()
    assert made.serial("pki/api") != stolen
    assert (listed(made), listed(made, "der")) == ({stolen}, {stolen})
    made.write(prune=True, components={"jane": None})
    made.apply()
    made.settled()
    assert (listed(made), listed(made, "der")) == ({stolen, gone}, {stolen, gone})
    assert not made.file("pki/jane.crt").exists()
    assert set(made.live(mount).values()) == {1}


def test_a_list_in_der_alone(made: Site) -> None:
    """Without PEM beside it."""
    made.write(cas={"main": {"crl": {"path": "ca/main.crl", "formats": ["der"]}}})
    stolen = made.serial("pki/api")
    made.write(revocations=[{"component": "api", "serial": f"{stolen:x}"}])
    made.apply()
    made.settled()
    assert {entry.serial_number for entry in x509.load_der_x509_crl(made.file("ca/main.crl").read_bytes())} == {stolen}


def test_revoked_in_the_middle_of_a_rotation(made: Site, mount: str) -> None:
    """Each generation has its own list; what the old one signed is on the old one's."""
    stolen = made.serial("pki/api")
    made.write(cas={"main": {"generation": 2, "rotation": {**ROTATION, "hold": "servers"}}})
    made.apply()
    made.write(revocations=[{"component": "api", "serial": f"{stolen:x}", "reason": "keyCompromise"}])
    made.apply()
    made.settled()
    lists = crl(made)
    assert len(lists) == 2
    assert [stolen in {entry.serial_number for entry in each} for each in lists].count(True) == 1
    made.write(cas={"main": {"rotation": ROTATION}})
    walk(made)
    assert made.serial("pki/api") != stolen
    assert mount


def test_a_list_is_made_anew_before_it_ends(made: Site) -> None:
    """When two thirds of the server's list have passed, a later one is there after an apply."""
    before = crl(made)[0]
    assert before.next_update_utc is not None
    made.settled()
    made.offset = before.next_update_utc - datetime.now(UTC) - (before.next_update_utc - before.last_update_utc) / 4
    assert made.plan() == {"crl.main": ("repair", ("CrlDue",))}
    made.apply()
    number = x509.CRLNumber
    assert (
        crl(made)[0].extensions.get_extension_for_class(number).value.crl_number
        > before.extensions.get_extension_for_class(number).value.crl_number
    )
    made.offset *= 0
