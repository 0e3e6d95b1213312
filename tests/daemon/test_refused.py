"""A role that refuses a name, and a policy that denies a path: asked once a revision, and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.daemon.followed import Played, server, text
from tests.daemon.scene import READY, Scene, said
from tests.vault_server.server import VaultServer, vault_server

ROLE = {
    "allowed_domains": "good.test", "allow_subdomains": True, "allow_bare_domains": True, "key_type": "any", "ttl": "720h",
    "max_ttl": "8760h", "require_cn": False, "enforce_hostnames": True, "server_flag": True, "client_flag": False,
}  # fmt: skip


@dataclass(slots=True)
class Refusing:
    """A reconciler whose CA is in a PKI engine."""

    scene: Scene
    vault: VaultServer

    def want(self, revision: str, **names: str) -> None:
        """A commit with these components, each with one name."""
        main = {"vault": {"connection": "main", "mount": "pki", "role": "web", "create": True, "accept": ["lifetime", "subject"]}}
        connection = {
            "type": "vault",
            "addresses": [self.vault.address],
            "auth": {"method": "token", "tokenFile": "/token"},
        }
        self.scene.source.commits[revision] = text(
            connections={"main": connection},
            cas={"main": {"path": "ca/main", "issuer": main}},
            components={
                component: {
                    **server(component, subject={"commonName": name}, lifetime="24h", renewBefore="8h"),
                    "sans": {"dns": [name]},
                }
                for component, name in names.items()
            },
        )
        self.scene.source.head = revision

    def asked(self) -> int:
        """How often a certificate was asked for."""
        return self.vault.log.count("POST", "pki/*sign/web")


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Refusing]:
    """With an engine that has a role for one domain."""
    # What came out is compared with the real time, which must not be before it.
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
    scene = Scene(home=tmp_path, source=Played(a=""), now=start)
    with vault_server(clock=lambda: scene.now.timestamp()) as vault:  # noqa: PLW0108 - the scene moves its time
        vault.call("POST", "sys/mounts/pki", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
        vault.call("POST", "pki/roles/web", ROLE)
        token = tmp_path / "root/token"
        token.parent.mkdir()
        token.write_text(vault.root_token, encoding="utf-8")
        yield Refusing(scene, vault)


def test_a_role_that_refuses_a_name_is_asked_once_a_revision(refusing: Refusing) -> None:
    """Ten passes, one request; the others are served, and the status says which name and which role. The next revision asks."""
    refusing.want("a", api="api.good.test", web="web.bad.test")
    scene, reconciler = refusing.scene, refusing.scene.start()
    for trigger in ("start", *["interval"] * 9):
        step = reconciler.step(trigger)
        scene.pass_time(timedelta(minutes=10).total_seconds())
    assert scene.audit == ["ca.main", "component.api"]
    assert (refusing.asked(), said(step)) == (2, {"Ready": ("False", "Refused"), "Stalled": ("True", "Refused")})
    assert step.status is not None
    told = next(each.message for each in step.status.conditions if each.type == "Stalled")
    assert "component.web: connection main, pki/issuer/" in told
    assert "web.bad.test not allowed by this role" in told
    assert "correct the role web of pki" in told
    refusing.want("b", api="api.good.test", web="web.bad.test", more="more.good.test")
    for _ in range(5):
        step = reconciler.step("source")
        scene.pass_time(timedelta(minutes=10).total_seconds())
    assert (scene.audit[2:], refusing.asked()) == (["component.more"], 4)
    refusing.want("c", api="api.good.test", web="web.good.test", more="more.good.test")
    assert said(reconciler.step("source")) == READY
    assert (scene.audit[3:], refusing.asked()) == (["component.web"], 5)


def test_a_corrected_role_is_asked_again_when_a_person_says_so(refusing: Refusing) -> None:
    """SIGHUP; until then not even a restart asks."""
    refusing.want("a", web="web.bad.test")
    scene = refusing.scene
    scene.start().step("start")
    refusing.vault.call("POST", "pki/roles/web", {**ROLE, "allowed_domains": "bad.test"})
    reconciler = scene.start()
    assert said(reconciler.step("start"))["Ready"] == ("False", "Refused")
    assert refusing.asked() == 1
    assert said(reconciler.step("signal")) == READY
    assert refusing.asked() == 2
