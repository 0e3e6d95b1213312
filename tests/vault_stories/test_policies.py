"""Tokens with exactly the policies that `vault policy` prints can do their job, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vault_stories.site import Site, in_pki, in_transit, server

ROTATION = {"soak": "1s", "retired": "destroy"}


def as_token(place: Site, mode: str, *arguments: str) -> None:
    """From now on we are somebody with the policy of this mode and nothing else."""
    printed = place.call("vault", "policy", "--mode", mode, *arguments)
    assert printed.code == 0, printed.log
    place.login(place.vault.token(place.vault.policy(printed.out), no_default_policy=True))


def everything(place: Site) -> None:
    """Every engine in use: a root by role, one below it in another mount, a key in transit, secrets, lists, a lock."""
    above, below = place.pki(), place.pki()
    cas: dict[str, dict[str, Any]] = {
        "root": {**in_pki(above, role=place.role(above), create=True), "crl": {"path": "root.crl"}, "rotation": ROTATION},
        "below": {**in_pki(below, signVerbatim=True, create=True, parent="root"), "rotation": ROTATION},
        "transit": {**in_transit(place.vault.mounted("transit")), "rotation": ROTATION},
        "local": {"store": "kv", "rotation": ROTATION},
    }
    place.write(
        prune=True,
        cas={name: {"path": f"ca/{name}", **fields} for name, fields in cas.items()},
        components={name: server(name, name, store="kv" if name != "root" else "files") for name in cas},
        bundles={"all": {"cas": sorted(cas), "path": "trust.pem"}},
        keypairs={"sa": {"path": "keys/sa", "store": "kv", "rotation": {"soak": "1s", "retired": "destroy"}}},
        lock={"connection": "main", "mount": place.kv, "path": "locks/site", "ttl": "60s"},
    )


def test_each_mode_does_its_job(place: Site) -> None:
    """Creating makes everything; applying renews, mends, prunes and revokes; looking plans; and creating rotates and destroys."""
    everything(place)
    as_token(place, "create")
    place.apply()
    as_token(place, "plan")
    place.settled()
    assert place.call("status").code == 0
    as_token(place, "apply")
    for name in place.document["cas"]:
        place.apply("--replace", f"component.{name}")
        place.verifies(f"pki/{name}", "trust.pem")
    serial = place.serial("pki/root")
    place.write(
        components={"below": None},
        revocations=[{"component": "root", "serial": f"{serial:x}", "reason": "keyCompromise"}],
    )
    place.apply()
    place.settled()
    as_token(place, "create")
    place.write(cas={name: {"generation": 2} for name in place.document["cas"]}, keypairs={"sa": {"generation": 2}})
    for _ in range(8):
        place.apply()
        place.passes(minutes=10)
    place.settled()
    for name in ("root", "transit", "local"):
        place.verifies(f"pki/{name}", "trust.pem")


def test_who_looks_cannot_change_anything(place: Site) -> None:
    """An apply with a token that may only plan says which capability on which path is missing, and what is on disk goes on."""
    mount = place.pki()
    place.write(
        cas={
            "main": {"path": "ca/main", "store": "kv", **in_pki(mount, signVerbatim=True, create=True)},
            "own": {"path": "ca/own"},
        },
        components={"api": server("main", "api", store="kv"), "own": server("own", "own")},
    )
    as_token(place, "create")
    place.apply()
    before = place.secrets()
    as_token(place, "plan")
    place.settled()
    place.write(components={"api": {"reissue": "now"}, "own": {"reissue": "now"}, "web": server("own", "web", store="kv")})
    own = place.serial("pki/own")
    said = place.apply(code=1)
    errors = {line.split(": ")[1]: line for line in said.out.splitlines() if line.startswith("Error: component.")}
    assert set(errors) == {"component.api", "component.web"}
    for address, path in (("component.api", f"{mount}/issuer/"), ("component.web", f"{place.kv}/data/site/pki/web")):
        assert 'grant "update" on path' in errors[address] or 'the capability "update" on path' in errors[address], errors[
            address
        ]
        assert path in errors[address]
    assert place.secrets() == before
    assert place.serial("pki/own") != own


def test_who_applies_cannot_make_a_ca(place: Site) -> None:
    """Nor destroy one: the error names the path of the engine."""
    mount = place.pki()
    place.write(cas={"main": {"path": "ca/main", **in_pki(mount, signVerbatim=True, create=True)}})
    as_token(place, "apply")
    said = place.apply(code=1)
    errors = [line for line in said.out.splitlines() if line.startswith("Error: ca.main:")]
    assert len(errors) == 1
    assert f"{mount}/root/generate/internal" in errors[0]
    assert 'the capability "update"' in errors[0]


def test_a_token_that_may_nothing_gets_one_clear_error_a_path(place: Site) -> None:
    """Even a plan cannot be made; what is on disk goes on."""
    mount = place.pki()
    place.write(
        cas={"main": {"path": "ca/main", **in_pki(mount, signVerbatim=True, create=True)}, "own": {"path": "ca/own"}},
        components={"api": server("main", "api", store="kv"), "own": server("own", "own")},
    )
    place.login(place.vault.token(place.vault.policy('path "none" { capabilities = ["read"] }'), no_default_policy=True))
    said = place.apply(code=1)
    assert "permission denied" in said.out
    assert f'must have the capability "list" on path "{mount}/keys"' in said.out
    assert f'must have the capability "read" on path "{place.kv}/data/site/pki/api"' in said.out
    assert "has a key but no certificate" not in said.out
    assert place.file("pki/own.crt").exists()


def test_on_a_node(place: Site) -> None:
    """What a node needs, with a prefix of its own, is enough for it."""
    mount = place.pki()
    place.document["nodes"] = [{"name": name, "roles": ["worker"], "addresses": ["192.0.2.1"]} for name in ("n-1", "n-2")]
    place.write(
        stores={"kv": {"prefix": "site/{node}"}, "authority": {**place.document["stores"]["kv"], "prefix": "site/authority"}},
        cas={
            "main": {"path": "ca/main", "store": "authority", **in_pki(mount, role=place.role(mount), create=True)},
            "local": {"path": "ca/local", "store": "authority"},
        },
        components={name: server(name, name, forEach={}, store="kv") for name in ("main", "local")},
        bundles={"all": {"cas": ["local", "main"], "forEach": {}, "path": "{node}/trust.pem"}},
    )
    place.apply("--target", "ca.main", "--target", "ca.local")
    as_token(place, "apply", "--node", "n-1")
    place.apply("--node", "n-1")
    place.settled("--node", "n-1")
    said = place.call("apply", "--auto-approve", "--node", "n-2")
    assert said.code == 1
    assert "site/n-2" in said.out


@pytest.mark.parametrize("secret", ["nothing there", "not a token"])
def test_a_login_that_fails(place: Site, secret: str) -> None:
    """The error names the connection and the way out; what is on disk goes on; the token itself is not shown."""
    place.write(cas={"main": {"path": "ca/main", "store": "kv"}, "own": {"path": "ca/own"}})
    if secret == "not a token":  # noqa: S105 - a word
        place.login("s.qwertyuiopasdfghjkl")
    else:
        (place.path / "token").unlink()
    said = place.apply(code=1)
    assert "connection main" in said.out
    assert place.file("ca/own.crt").exists()
    assert not place.file("ca/main.crt").exists()
