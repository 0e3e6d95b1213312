"""A CA that somebody else made in an engine is taken over as it is, and nothing that they do there is accepted in silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vault_stories.site import Site, in_pki, server


@pytest.fixture
def mount(place: Site) -> str:
    """An engine with the CA of somebody else and a role."""
    mount = place.pki()
    root(place, mount, "corp-2026")
    place.role(mount)
    return mount


@pytest.fixture
def made(place: Site, mount: str) -> Iterator[Site]:
    """It is taken over, and one component is signed by it; in the end everything verifies."""
    place.write(
        cas={"corp": {"path": "ca/corp", "rotation": {"soak": "1s"}, **in_pki(mount, role="servers", issuer="corp-2026")}},
        components={"api": server("corp", "api")},
        bundles={"all": {"cas": ["corp"], "path": "trust.pem"}},
    )
    place.apply()
    yield place
    for leaf in place.document["components"]:
        if place.file(f"pki/{leaf}.crt").exists():
            place.verifies(f"pki/{leaf}", "trust.pem")


def root(place: Site, mount: str, name: str) -> None:
    """Somebody makes a root there."""
    body = {"common_name": f"Corporate {name}", "issuer_name": name, "key_type": "ec", "ttl": "80000h"}
    place.vault.must("POST", f"{mount}/issuers/generate/root/internal", body)


def test_it_is_taken_over_as_it_is(made: Site, mount: str) -> None:
    """Name, key and lifetime are theirs: nothing is complained of, nothing is made, and its certificate is on our disk."""
    made.settled()
    assert made.troubles() == {}
    assert made.certificate("ca/corp").subject.rfc4514_string() == "CN=Corporate corp-2026"
    assert len(made.vault.must("LIST", f"{mount}/issuers").data["keys"]) == 1  # type: ignore[arg-type]


def test_a_default_that_was_swapped_is_told_and_changes_nothing(made: Site, mount: str) -> None:
    """Our issuer is always named: what is signed afterwards is signed by it; whoever signs by default should know."""
    root(made, mount, "evil")
    made.vault.must("POST", f"{mount}/config/issuers", {"default": "evil"})
    assert made.troubles() == {
        "default-issuer": f"the default issuer of {mount} behind connection main is evil, which is no CA of this document"
    }
    made.write(components={"web": server("corp", "web")})
    made.apply()
    assert "No changes" in made.call("plan").out


def test_a_name_that_moved_to_another_issuer_is_told(made: Site, mount: str) -> None:
    """The certificate that we hold says who signs, not a name that somebody gave to another."""
    root(made, mount, "evil")
    made.vault.must("POST", f"{mount}/issuer/corp-2026", {"issuer_name": "corp-old"})
    made.vault.must("POST", f"{mount}/issuer/evil", {"issuer_name": "corp-2026"})
    assert list(made.troubles()) == ["issuer-reference"]
    made.write(components={"web": server("corp", "web")})
    made.apply()


def test_another_issuer_comes_in_by_a_generation(made: Site, mount: str) -> None:
    """Naming it is told and does nothing; with the next generation everything goes over, and nothing of theirs is destroyed."""
    root(made, mount, "corp-2027")
    before = made.serial("pki/api")
    made.write(cas={"corp": in_pki(mount, role="servers", issuer="corp-2027")})
    assert (list(made.troubles()), made.plan()) == (["issuer-reference"], {})
    made.write(cas={"corp": {"generation": 2}})
    for _ in range(2):
        made.apply()
        made.verifies("pki/api", "trust.pem")
        made.passes(minutes=10)
    made.apply()
    assert made.serial("pki/api") != before
    assert made.pem("ca/corp") == made.file("trust.pem").read_text()
    assert made.certificate("ca/corp").subject.rfc4514_string() == "CN=Corporate corp-2027"
    assert len(made.vault.must("LIST", f"{mount}/issuers").data["keys"]) == 2  # type: ignore[arg-type]
    made.settled()


@pytest.mark.parametrize("what", [("issuer",), ("issuer", "key")])
def test_what_was_removed_there_is_missed_and_not_made(made: Site, mount: str, what: tuple[str, ...]) -> None:
    """Nothing can be signed: the plan says so and what waits for it, everything on disk stays, other CAs go on."""
    issuer = made.vault.must("GET", f"{mount}/issuer/corp-2026").data
    for each in what:
        made.vault.must("DELETE", f"{mount}/{each}/{issuer[f'{each}_id']}")
    made.write(
        cas={"local": {"path": "ca/local"}},
        components={"web": server("corp", "web"), "own": server("local", "own")},
        bundles={"all": {"cas": ["corp", "local"], "path": "trust.pem"}},
    )
    before = made.pem("pki/api")
    said = made.apply(code=1)
    assert f"ca.corp cannot sign: there is no key for it in {mount} behind connection main" in said.out
    assert (made.pem("pki/api"), made.file("pki/web.crt").exists(), made.file("pki/own.crt").exists()) == (before, False, True)


def test_an_issuer_that_does_not_exist(place: Site, mount: str) -> None:
    """A mistake in its name is told with what to do, and nothing is made."""
    place.write(cas={"corp": {"path": "ca/corp", **in_pki(mount, role="servers", issuer="corp-2062")}})
    said = place.apply(code=1)
    assert f"ca.corp cannot be taken over: {mount} behind connection main has no issuer corp-2062 with a key" in said.out
    assert not place.file("ca").exists()


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (
            {"client_flag": True},
            "extended key usages: asked for server auth, got client auth, server auth; correct the role servers",
        ),
        ({"ou": ["x"]}, "subject: asked for CN=web, got"),
        ({"max_ttl": "1h"}, "lifetime: asked for 1y, got 1h; correct the role servers"),
        ({"key_type": "rsa", "key_bits": 2048}, "role requires keys of type rsa"),
        ({"allow_any_name": False, "allowed_domains": ["else.test"]}, "web.test not allowed by this role"),
        (None, "unknown role: servers"),
    ],
    ids=["adds a usage", "adds to the subject", "caps the lifetime", "other keys", "other names", "is gone"],
)
def test_a_role_that_was_changed_is_an_error_with_the_way_out(
    made: Site, mount: str, role: dict[str, object] | None, said: str
) -> None:
    """What it makes of the request is not published; what was signed is revoked; other components and the old files stay."""
    if role is None:
        made.vault.must("DELETE", f"{mount}/roles/servers")
    else:
        made.role(mount, **role)
    before = made.pem("pki/api")
    made.write(components={"web": server("corp", "web")}, cas={"local": {"path": "ca/local"}})
    told = made.apply(code=1)
    errors = [line for line in told.out.splitlines() if line.startswith("Error: component.web:")]
    assert len(errors) == 1
    assert said in errors[0]
    assert not made.file("pki/web.crt").exists()
    assert (made.pem("pki/api"), made.file("ca/local.crt").exists()) == (before, True)
    assert len(made.live(mount)) == 1
    made.role(mount)
    made.apply()
    made.settled()
    assert sorted(made.live(mount).values()) == [1, 1]


@pytest.mark.parametrize(
    ("word", "role"),
    [("usages", {"client_flag": True}), ("lifetime", {"max_ttl": "2000h"}), ("subject", {"ou": ["x"]})],
)
def test_what_is_accepted_is_published_and_does_not_loop(made: Site, mount: str, word: str, role: dict[str, object]) -> None:
    """With `accept` the role has its way, and the next plan is empty; even without our records."""
    made.role(mount, **role)
    made.write(
        cas={"corp": in_pki(mount, role="servers", issuer="corp-2026", accept=[word])},
        components={"web": server("corp", "web")},
    )
    made.apply()
    made.settled()
    (made.path / "state" / "inventory.json").unlink()
    made.settled()
