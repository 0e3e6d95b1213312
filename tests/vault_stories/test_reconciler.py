"""The reconciler beside a server that is sealed, slow, forgetful or strict: nothing restarts, nothing loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon.scene import READY, said
from tests.vault_server.script import SEALED, busy
from tests.vault_server.server import VaultServer
from tests.vault_stories.site import Site, in_pki, server
from tests.vault_stories.watched import Watched

#: Lives of an hour, renewed every forty minutes.
SHORT = {"lifetime": "1h", "renewBefore": "20m"}


@pytest.fixture
def mount(scripted: Site, server: VaultServer) -> str:
    """An engine on our clock, reached by a login that lasts twenty minutes."""
    server.clock = lambda: scripted.now().timestamp()
    mount = scripted.pki()
    everything = scripted.vault.policy('path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }')
    ends = {"token_ttl": "20m", "token_max_ttl": "20m"}
    where, role_id, secret_id = scripted.vault.approle(everything, **ends)
    for name, text in (("role-id", role_id), ("secret-id", secret_id)):
        (scripted.path / name).write_text(text, encoding="utf-8")
    scripted.tokens.append(secret_id)
    login = {"method": "approle", "mount": where, "roleIdFile": "/role-id", "secretIdFile": "/secret-id"}
    scripted.write(
        connections={"main": {"auth": login}},
        cas={"far": {"path": "ca/far", **in_pki(mount, role="servers", create=True)}, "near": {"path": "ca/near"}},
        components={
            "far": server_of("far"),
            "near": server_of("near"),
            "stored": server_of("near", name="stored", store="kv"),
        },
        bundles={"all": {"cas": ["far", "near"], "path": "trust.pem"}},
    )
    scripted.role(mount)
    return mount


def message(watched: Watched) -> str:
    """What the status says of being ready."""
    return next(str(each["message"]) for each in json.loads(watched.status())["conditions"] if each["type"] == "Ready")


def server_of(ca: str, *, name: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """A component that lives for an hour."""
    return server(ca, name or ca, **SHORT, **more)


@pytest.fixture
def watched(scripted: Site, mount: str) -> Iterator[Watched]:
    """A reconciler that has made everything."""
    made = Watched(scripted)
    step = made.cycle()
    assert said(step) == READY
    assert mount
    yield made
    made.close()


def valid(site: Site, *leaves: str) -> bool:
    """Whether these certificates are valid now."""
    found = [site.certificate(f"pki/{leaf}") for leaf in leaves]
    return all(each.not_valid_before_utc <= site.now() <= each.not_valid_after_utc for each in found)


def test_an_hour_of_a_sealed_server(watched: Watched, scripted: Site, server: VaultServer) -> None:
    """Local certificates go on being renewed, what is on disk stays, and afterwards everything catches up by itself."""
    far, near = scripted.serial("pki/far"), scripted.serial("pki/near")
    server.seal()
    server.log.clear()
    for _ in range(12):
        step = watched.cycle()
        assert valid(scripted, "near")
        assert scripted.serial("pki/far") == far
        assert "sealed" in watched.status()
    assert step.status is not None
    assert said(step)["Ready"][0] != "True"
    assert scripted.serial("pki/near") != near
    assert server.log.count() < 400
    logins = server.log.logins
    server.unseal()
    watched.cycles(4)
    assert said(watched.steps[-1]) == READY
    assert valid(scripted, "far", "near")
    assert (scripted.serial("pki/far") == far, server.log.logins - logins <= 2) == (False, True)


@pytest.mark.parametrize("ttl", [20])
def test_tokens_end_again_and_again(watched: Watched, scripted: Site, server: VaultServer, ttl: int) -> None:
    """Four hours with tokens of twenty minutes: a login for each at most, everything is renewed, no restart."""
    server.log.clear()
    for _ in range(48):
        watched.cycle()
        assert said(watched.steps[-1]) == READY
        assert valid(scripted, "far", "near")
    assert 0 < server.log.logins <= 4 * 60 / (ttl * 3 / 4)  # looked at every five minutes, replaced from two thirds on
    assert watched.signed("component.far") >= 5


def test_a_secret_that_changes_is_read_again(watched: Watched, scripted: Site, server: VaultServer) -> None:
    """The file of the login is replaced while it runs: the next login uses what is in it."""
    where = scripted.document["connections"]["main"]["auth"]["mount"]
    secret = scripted.path / "secret-id"
    fresh = secret.read_text(encoding="utf-8")
    secret.write_text("8a6b1f9e-0000-0000-0000-000000000000", encoding="utf-8")
    watched.cycles(6)
    assert said(watched.steps[-1])["Ready"][0] != "True"
    assert "connection main" in message(watched)
    assert "approle" in message(watched)
    secret.write_text(fresh, encoding="utf-8")
    watched.cycles(4)
    assert said(watched.steps[-1]) == READY
    assert server.log.count("POST", f"auth/{where}/login") < 20


def test_a_lifetime_that_is_capped_is_refused_and_does_not_loop(watched: Watched, scripted: Site, mount: str) -> None:
    """A day is asked for and an hour granted: an error that says so, once, in ten cycles."""
    scripted.role(mount, max_ttl="1h")
    scripted.write(components={"day": server("far", "day", lifetime="24h", renewBefore="8h")})
    watched.commit("two")
    before = server_certificates(scripted)
    watched.cycles(10, minutes=2)
    assert "lifetime: asked for 1d, got 1h" in watched.status()
    assert "accept: [lifetime]" in watched.status()
    assert server_certificates(scripted) - before == 1
    assert not scripted.file("pki/day.crt").exists()
    scripted.role(mount)
    scripted.write(components={"day": {"reissue": "again"}})
    watched.commit("three")
    watched.cycle()
    assert scripted.file("pki/day.crt").exists()


def test_a_lifetime_that_is_capped_and_accepted_is_renewed_by_its_real_end(watched: Watched, scripted: Site, mount: str) -> None:
    """Ten cycles of half an hour: it is always valid, and signed about as often as it has to be."""
    scripted.role(mount, max_ttl="1h")
    scripted.write(
        cas={"far": in_pki(mount, role="servers", create=True, accept=["lifetime"])},
        components={"day": server("far", "day", lifetime="24h", renewBefore="8h")},
    )
    watched.commit("two")
    for _ in range(30):
        watched.cycle(minutes=10)
        assert valid(scripted, "day", "far")
    assert 5 <= watched.signed("component.day") <= 10


def test_a_role_that_refuses_is_asked_once_a_revision(watched: Watched, scripted: Site, server: VaultServer, mount: str) -> None:
    """The status names role and name; a commit that changes something about it is a new reason to ask, nothing else."""
    scripted.role(mount, allow_any_name=False, allowed_domains=["far.test"], allow_bare_domains=True)
    scripted.write(components={"web": server_component("web")})
    watched.commit("two")
    server.log.clear()
    watched.cycles(10, minutes=2)
    asked = [entry for entry in server.log.entries("POST", f"{mount}/issuer/*/sign/servers") if entry.status == 400]
    assert len(asked) == 1
    assert "web.test not allowed by this role" in watched.status()
    assert "correct the role servers" in watched.status()
    watched.commit("three")
    watched.cycles(3, minutes=2)
    asked = [entry for entry in server.log.entries("POST", f"{mount}/issuer/*/sign/servers") if entry.status == 400]
    assert len(asked) == 2
    scripted.role(mount)
    watched.commit("four")
    watched.cycle()
    assert said(watched.steps[-1]) == READY


def test_a_server_that_asks_for_patience(watched: Watched, scripted: Site, server: VaultServer) -> None:
    """Sealed for three cycles, then busy for seven seconds: it waits, asks little, keeps what it has, and goes on."""
    scripted.write(components={"web": server_component("web")})
    watched.commit("two")
    scripted.script.on("*", "*", SEALED, times=0)
    server.log.clear()
    watched.cycles(3)
    assert server.log.count() < 100
    scripted.script.clear()
    assert valid(scripted, "far", "near", "stored")
    scripted.script.on("POST", "*/sign/servers", busy(7))
    scripted.slept.clear()
    watched.cycles(3)
    assert said(watched.steps[-1]) == READY
    assert any(7 <= seconds < 10 for seconds in scripted.slept)
    assert scripted.file("pki/web.crt").exists()


def server_component(name: str) -> dict[str, Any]:
    """A component of the engine."""
    return server("far", name, **SHORT)


def server_certificates(site: Site) -> int:
    """How many certificates the server has ever signed here."""
    assert site.vault.scripted is not None
    return site.vault.scripted.log.count("POST", "*/sign/servers")


def test_a_start_beside_a_sealed_server(scripted: Site, mount: str, server: VaultServer) -> None:
    """A reconciler that starts while the server is sealed looks after everything else, and after it when it comes back."""
    server.seal()
    watched = Watched(scripted)
    watched.cycles(3)
    assert scripted.file("pki/near.crt").exists()
    assert not scripted.file("pki/far.crt").exists()
    server.unseal()
    watched.cycles(4)
    assert said(watched.steps[-1]) == READY
    assert valid(scripted, "far", "near", "stored")
    watched.close()
    assert mount
