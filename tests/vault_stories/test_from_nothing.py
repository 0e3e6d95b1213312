"""From an empty server to a PKI that works, in every mixture of engines, stores and disk."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.vault_stories.site import Site, in_pki, in_transit, server

KEYS = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")


def cas(place: Site, case: str) -> dict[str, Any]:
    """The CAs of a case; components are signed by ``main``."""
    match case:
        case "root":
            return {"main": in_pki(place.pki(), signVerbatim=True, create=True)}
        case "root by role":
            mount = place.pki()
            return {"main": in_pki(mount, role=place.role(mount), create=True)}
        case "under a local root":
            return {"root": {"path": "ca/root"}, "main": in_pki(place.pki(), signVerbatim=True, create=True, parent="root")}
        case "under another mount":
            above, below = place.pki(), place.pki()
            return {
                "root": in_pki(above, create=True),
                "main": in_pki(below, signVerbatim=True, create=True, parent="root"),
            }
        case "under the same mount":
            mount = place.pki()
            return {
                "root": in_pki(mount, create=True),
                "main": in_pki(mount, signVerbatim=True, create=True, parent="root"),
            }
        case "local under a mount":
            return {"root": in_pki(place.pki(), create=True), "main": {"issuer": "root"}}
        case "under transit":
            transit = place.vault.mounted("transit")
            return {"root": in_transit(transit), "main": in_pki(place.pki(), signVerbatim=True, create=True, parent="root")}
        case "transit under a mount":
            transit = place.vault.mounted("transit")
            return {"root": in_pki(place.pki(), create=True), "main": {"issuer": "root", **in_transit(transit)}}
        case "local":
            return {"main": {}}
    raise AssertionError(case)


@pytest.mark.parametrize("store", ["files", "kv"])
@pytest.mark.parametrize(
    "case",
    [
        "root",
        "root by role",
        "under a local root",
        "under another mount",
        "under the same mount",
        "local under a mount",
        "under transit",
        "transit under a mount",
        "local",
    ],
)
def test_one_apply_makes_it_and_a_second_plan_is_empty(place: Site, case: str, store: str) -> None:
    """Whoever signs and wherever it is stored: one apply, then nothing to do, even when all records are lost; it verifies."""
    made = {name: {"path": f"ca/{name}", "store": store, **fields} for name, fields in cas(place, case).items()}
    place.write(
        cas=made,
        components={"api": server("main", "api", store=store), "web": server("main", "web", store="files")},
        bundles={"all": {"cas": sorted(made), "path": "trust.pem"}},
    )
    assert set(place.plan()) == {*(f"ca.{name}" for name in made), "component.api", "component.web", "bundle.all"}
    place.apply()
    place.settled()
    for leaf in ("pki/api", "pki/web"):
        place.verifies(leaf, "trust.pem")
    shutil.rmtree(place.path / "state")
    place.settled()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_transit_of_every_type(place: Site, key: str) -> None:
    """We build the certificates, lists included, and the engine signs them."""
    fields = {"key": key, "path": "ca/main", "crl": {"path": "ca/main.crl", "formats": ["pem", "der"]}}
    place.write(
        cas={"main": {**fields, **in_transit(place.vault.mounted("transit"))}},
        components={"api": server("main", "api", store="kv")},
        bundles={"all": {"cas": ["main"], "path": "trust.pem"}},
    )
    place.apply()
    place.settled()
    place.verifies("pki/api", "trust.pem")
    assert not list(place.path.rglob("*.key"))
    assert place.file("ca/main.crl").read_text().startswith("-----BEGIN X509 CRL")


def test_everything_that_is_made_can_stand_in_kv(place: Site) -> None:
    """A CA with its key, certificates in all forms, bundles, kubeconfigs, keypairs and lists: one secret each, with labels."""
    place.write(
        defaults={"store": "kv"},
        cas={"main": {"path": "ca/main", "crl": {"path": "lists/main.crl", "formats": ["pem", "der"]}}},
        components={
            "api": server("main", "api", outputs=["pem", "fullchain", "combined", "der"]),
            "jane": {"ca": "main", "usages": ["client auth"], "path": "pki/jane"},
        },
        bundles={"all": {"cas": ["main"], "path": "trust.pem"}},
        keypairs={"sa": {"path": "keys/sa"}},
        kubeconfigs={"jane": {"component": "jane", "bundle": "all", "server": "https://api.test:6443", "path": "jane.conf"}},
    )
    place.apply()
    place.settled()
    found = place.secrets()
    fields = {path: sorted(data) for path, data in found.items()}
    assert fields == {
        "ca/main": ["certificate", "metadata", "private_key"],
        "jane.conf": ["content", "metadata"],
        "keys/sa": ["metadata", "private_key", "public_key"],
        "lists/main.crl": ["content", "der_base64", "metadata"],
        "pki/api": ["certificate", "der_base64", "fullchain", "metadata", "pem", "private_key"],
        "pki/jane": ["certificate", "metadata", "private_key"],
        "trust.pem": ["content", "metadata"],
    }
    assert not list(place.path.rglob("*.crt"))


NODES = [{"name": name, "roles": ["worker"], "addresses": [f"192.0.2.{number}"]} for number, name in enumerate(("n-1", "n-2"), 1)]


def test_a_node_issues_what_lives_on_it_with_a_ca_in_kv(place: Site) -> None:
    """One place makes the CA in KV; each node takes key and trust from there, and writes to its own disk or its own prefix."""
    place.document["nodes"] = NODES
    place.write(
        stores={"kv": {"prefix": "site/{node}"}, "authority": {**place.document["stores"]["kv"], "prefix": "site/authority"}},
        cas={"main": {"path": "ca/main", "store": "authority"}},
        components={
            "disk": server("main", "disk", forEach={}, path="{node}/disk"),
            "agent": server("main", "agent", forEach={}, store="kv"),
        },
        bundles={"all": {"cas": ["main"], "forEach": {}, "path": "{node}/trust.pem"}},
    )
    place.apply("--target", "ca.main")
    assert set(place.plan("--node", "n-1")) == {"component.disk[n-1]", "component.agent[n-1]", "bundle.all[n-1]"}
    place.apply("--node", "n-1")
    place.settled("--node", "n-1")
    assert set(place.secrets()) == {"authority/ca/main", "n-1/pki/agent"}
    place.verifies("n-1/disk", "n-1/trust.pem")
    assert not place.file("n-2").exists()
    place.apply("--node", "n-2")
    place.settled()


def test_a_node_issues_in_an_engine(place: Site) -> None:
    """The certificate of a CA in an engine stands in KV; a node gets its own signed, and makes no CA."""
    mount = place.pki()
    place.document["nodes"] = NODES
    place.write(
        cas={"main": {"path": "ca/main", "store": "kv", **in_pki(mount, signVerbatim=True, create=True)}},
        components={"disk": server("main", "disk", forEach={}, path="{node}/disk")},
        bundles={"all": {"cas": ["main"], "forEach": {}, "path": "{node}/trust.pem"}},
    )
    place.apply("--target", "ca.main")
    place.apply("--node", "n-1")
    place.settled("--node", "n-1")
    place.verifies("n-1/disk", "n-1/trust.pem")
    assert len(place.live(mount)) == 1
