"""Being logged in: how often, with what, and what becomes of the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.vault import Auth
from reconciler.vault.errors import Kind
from tests.vault.hostile import Received, closing, http, serving
from tests.vault.scene import APPROLE, ENVIRON, GIVEN, TOKEN, Clock, Vault, calls, client_of, connection, failing, login

DATA = http(200, {"data": {"value": 1}})
DENIED = http(403, {"errors": ["permission denied"]})
LOGIN = "POST /v1/auth/approle/login"
RENEW = "POST /v1/auth/token/renew-self"
REVOKE = "POST /v1/auth/token/revoke-self"
LOOKUP = "GET /v1/auth/token/lookup-self"
CAPABILITIES = "POST /v1/sys/capabilities-self"


def looked_up(ttl: int, *, renewable: bool = True) -> bytes:
    """What lookup-self says."""
    return http(200, {"data": {"ttl": ttl, "renewable": renewable, "id": TOKEN}})


@pytest.mark.parametrize(
    ("auth", "line", "body"),
    [
        (APPROLE, LOGIN, {"role_id": ENVIRON["ROLE_ID"], "secret_id": ENVIRON["SECRET_ID"]}),
        (
            Auth(method="approle", mount="team/approle", role_id_env="ROLE_ID", secret_id_env="SECRET_ID"),  # noqa: S106 - a name
            "POST /v1/auth/team/approle/login",
            {"role_id": ENVIRON["ROLE_ID"], "secret_id": ENVIRON["SECRET_ID"]},
        ),
        (
            Auth(method="kubernetes", role="pki", jwt_file="{folder}/jwt"),
            "POST /v1/auth/kubernetes/login",
            {"role": "pki", "jwt": "a.b.c"},
        ),
        (
            Auth(method="jwt", mount="gitlab", role="pki", jwt_file="{folder}/jwt"),
            "POST /v1/auth/gitlab/login",
            {"role": "pki", "jwt": "a.b.c"},
        ),
    ],
)
def test_each_method_logs_in_once(auth: Auth, line: str, body: object, tmp_path: Path) -> None:
    """At the first call, without a token; the token that it gives goes with every call, and is revoked in the end."""
    (tmp_path / "jwt").write_text("a.b.c\r\n")
    auth = Auth(
        method=auth.method, mount=auth.mount, role=auth.role, jwt_file=auth.jwt_file.format(folder=tmp_path),
        role_id_env=auth.role_id_env, secret_id_env=auth.secret_id_env,
    )  # fmt: skip
    with serving(Vault(a=DATA)) as server:
        with client_of(connection(server.url, auth=auth)) as client:
            client.read("a")
            client.read("a")
        assert server.lines == [line, "GET /v1/a", "GET /v1/a", REVOKE]
        assert server.requests[0].json == body
        assert [each.token for each in server.requests] == ["", TOKEN, TOKEN, TOKEN]


def test_a_given_token_is_never_revoked() -> None:
    """It is looked up for its life, renewed in time, and left to whoever gave it."""
    clock = Clock()
    script = Vault(a=DATA).say("GET auth/token/lookup-self", looked_up(90)).say("POST auth/token/renew-self", login(ttl=90))
    with serving(script) as server:
        with client_of(connection(server.url, auth=GIVEN), clock) as client:
            client.read("a")
            clock.now += 61
            client.read("a")
            client.read("a")
        assert server.lines == [LOOKUP, "GET /v1/a", RENEW, "GET /v1/a", "GET /v1/a"]
        assert {each.token for each in server.requests} == {TOKEN}


def test_a_given_token_in_its_last_second() -> None:
    """It says 0, as one without an end does, but has an end."""
    clock = Clock()
    last = http(200, {"data": {"ttl": 0, "renewable": False, "expire_time": "2026-10-21T07:28:00Z"}})
    script = Vault(a=DATA).say("GET auth/token/lookup-self", last, looked_up(0))
    with serving(script) as server, client_of(connection(server.url, auth=GIVEN), clock) as client:
        for seconds in (0, 2, 9000):
            clock.now += seconds
            client.read("a")
        assert server.lines.count(LOOKUP) == 2


def test_a_given_token_that_may_not_look_itself_up_is_used() -> None:
    """Whether it is good for something, the call tells."""
    script = Vault(a=DATA).say("GET auth/token/lookup-self", DENIED)
    with serving(script) as server, client_of(connection(server.url, auth=GIVEN)) as client:
        assert client.read("a").data == {"value": 1}
        assert server.lines == [LOOKUP, "GET /v1/a"]


def test_a_token_is_renewed_when_two_thirds_of_its_life_have_passed() -> None:
    """Not before, and for as long as that gives it enough."""
    clock = Clock()
    script = Vault(a=DATA).say("POST auth/approle/login", login(ttl=90))
    script.say("POST auth/token/renew-self", login(ttl=90), login(ttl=29), login(ttl=90))
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        for seconds in (0, 59, 2, 59, 2, 59):
            clock.now += seconds
            client.read("a")
        # The second renewal gave less than a third of what the login gave: its max_ttl is near.
        assert [line for line in server.lines if line != "GET /v1/a"] == [LOGIN, RENEW, RENEW, LOGIN]


@pytest.mark.parametrize("refusal", [http(400, {"errors": ["lease is not renewable"]}), DENIED])
def test_a_renewal_that_is_refused_makes_a_login(refusal: bytes) -> None:
    """Nobody has to restart anything."""
    clock = Clock()
    script = Vault(a=DATA).say("POST auth/approle/login", login("hvs.one", 90), login("hvs.two", 90))
    script.say("POST auth/token/renew-self", refusal)
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        client.read("a")
        clock.now += 61
        client.read("a")
        assert server.lines == [LOGIN, "GET /v1/a", RENEW, LOGIN, "GET /v1/a"]
        assert server.requests[-1].token == "hvs.two"  # noqa: S105 - of a test


def test_a_renewal_that_fails_leaves_the_token_in_use() -> None:
    """As long as it lives; it is tried again later, not at every call."""
    clock = Clock()
    script = Vault(a=DATA).say("POST auth/approle/login", login(ttl=90))
    script.say("POST auth/token/renew-self", http(500, {"errors": []}), login(ttl=90))
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        for seconds in (0, 61, 1, 10):
            clock.now += seconds
            client.read("a")
        assert [line for line in server.lines if line != "GET /v1/a"] == [LOGIN, RENEW, RENEW]


@pytest.mark.parametrize("passed", [61, 91, 9000])
def test_a_secret_is_read_again_at_each_login(passed: int, tmp_path: Path) -> None:
    """The file of a projected token was replaced meanwhile."""
    clock, file = Clock(), tmp_path / "jwt"
    file.write_text("first")
    auth = Auth(method="kubernetes", role="pki", jwt_file=str(file))
    script = Vault(a=DATA).say("POST auth/kubernetes/login", login(ttl=90, renewable=False))
    with serving(script) as server, client_of(connection(server.url, auth=auth), clock) as client:
        client.read("a")
        file.write_text("second\n")
        clock.now += passed
        client.read("a")
        logins = [each.json for each in server.requests if each.target.endswith("/login")]
        assert logins == [{"role": "pki", "jwt": "first"}, {"role": "pki", "jwt": "second"}]


def test_a_403_makes_one_login() -> None:
    """The token may have been revoked: with a fresh one the call comes through."""
    script = Vault().say("POST a", DENIED, DATA).say("POST auth/approle/login", login("hvs.one"), login("hvs.two"))
    with serving(script) as server, client_of(connection(server.url)) as client:
        assert client.write("a", {}).data == {"value": 1}
        assert server.lines == [LOGIN, "POST /v1/a", LOGIN, "POST /v1/a"]
        assert [each.token for each in server.requests if each.target == "/v1/a"] == ["hvs.one", "hvs.two"]


def test_a_403_that_stands_is_policy() -> None:
    """It names path and capability, and a hundred denied paths do not make a hundred logins."""
    clock = Clock()
    script = Vault(a=DENIED, b=DENIED).say("POST auth/approle/login", *(login(f"hvs.{each}") for each in range(9)))
    script.say("POST sys/capabilities-self", http(200, {"data": {"capabilities": ["list"], "a": ["list"], "b": ["deny"]}}))
    with serving(script) as server, client_of(connection(server.url, namespace="team-a"), clock) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, found[0].status, found[0].retryable) == (Kind.DENIED, 403, False)
        assert found[0].advice == (
            'connection main, a: permission denied: the token lacks the capability "read" (it has list); '
            'grant the capability "read" on path "a" in namespace team-a to a policy of the token'
        )
        for _ in range(10):
            with failing() as found:
                client.delete("b")
        assert '"delete" (it has none)' in str(found[0])
        assert server.lines.count(LOGIN) == 2
        clock.now += 61
        with failing() as found:
            client.read("a")
        assert server.lines.count(LOGIN) == 3


def test_a_403_for_a_token_that_may_not_ask_why() -> None:
    """What would be needed is told all the same."""
    script = Vault(a=DENIED).say("POST sys/capabilities-self", DENIED)
    with serving(script) as server, client_of(connection(server.url)) as client, failing() as found:
        client.list("a")
    assert "permission denied to list there" in str(found[0])
    assert server.lines.count(LOGIN) == 2


def test_a_given_token_is_read_again_after_a_403(tmp_path: Path) -> None:
    """Somebody who renews the file is trusted; the same token is not tried twice."""
    file = tmp_path / "token"
    file.write_text("hvs.old\n")

    def script(received: Received) -> bytes:
        if received.token != "hvs.new":  # noqa: S105 - of a test
            return DENIED
        return looked_up(0) if received.target.endswith("lookup-self") else DATA

    auth = Auth(method="token", token_file=str(file))
    with serving(script) as server, client_of(connection(server.url, auth=auth)) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, server.lines.count("GET /v1/a")) == (Kind.DENIED, 1)
        file.write_text("hvs.new\n")
        assert client.read("a").data == {"value": 1}


def test_a_refused_login_is_not_repeated_in_a_loop() -> None:
    """With the same secret it waits longer each time; with another one it is tried at once."""
    clock, environ = Clock(), dict(ENVIRON)
    script = Vault().say("POST auth/approle/login", http(400, {"errors": ["invalid role or secret ID"]}))
    with serving(script) as server, client_of(connection(server.url), clock, environ) as client:
        for _ in range(20):
            with failing() as found:
                client.read("a")
        assert (found[0].kind, found[0].status, len(server.requests)) == (Kind.DENIED, 400, 1)
        assert "invalid role or secret ID" in str(found[0])
        assert "$ROLE_ID and $SECRET_ID" in found[0].advice
        assert ENVIRON["SECRET_ID"] not in found[0].advice
        for _ in range(20):
            clock.now += 15
            with failing() as found:
                client.read("a")
        # 15, 30, 60, 120 s, …
        assert len(server.requests) == 5
        environ["SECRET_ID"] = "another"  # noqa: S105 - of a test
        script.say("POST auth/approle/login", login())
        script.say("a", DATA)
        assert client.read("a").data == {"value": 1}


def test_a_login_that_was_cut_off_is_not_repeated_at_once() -> None:
    """Its secret may have been used up. It is no write of the caller's that nobody knows of."""
    clock = Clock()
    script = Vault(a=DATA).say("POST auth/approle/login", closing(), login())
    with serving(script) as server, client_of(connection(server.url, deadline=5), clock) as client:
        for _ in range(3):
            with failing() as found:
                client.write("a", {})
        assert (found[0].kind, server.lines) == (Kind.UNREACHABLE, [LOGIN])
        clock.now += 15
        assert client.write("a", {}).data == {"value": 1}


def test_a_secret_that_is_good_for_one_login_lasts_as_long_as_its_token() -> None:
    """A new login fails: the old token is used to its end, and no call fails before."""
    clock = Clock()
    script = Vault(a=DATA)
    script.say("POST auth/approle/login", login(ttl=90, renewable=False), http(400, {"errors": ["invalid secret id"]}))
    with serving(script) as server, client_of(connection(server.url), clock) as client:
        for seconds in (0, 61, 10, 10):
            clock.now += seconds
            client.read("a")
        clock.now += 10
        with failing() as found:
            client.read("a")
        assert (found[0].kind, len(calls(server))) == (Kind.DENIED, 4)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(200, {"auth": None, "data": {}}), Kind.NONSENSE),
        (http(200, {"auth": {"client_token": "", "lease_duration": 1, "renewable": True}}), Kind.NONSENSE),
        (http(200, {"auth": {"client_token": "a\nb", "lease_duration": 1, "renewable": True}}), Kind.NONSENSE),
        (http(200, {"auth": {"client_token": "a", "lease_duration": "1h", "renewable": True}}), Kind.NONSENSE),
        (http(200, {"auth": {"client_token": "a", "lease_duration": -1, "renewable": True}}), Kind.NONSENSE),
        (http(200, b"<html>"), Kind.NONSENSE),
        (http(403, {"errors": ["permission denied"]}), Kind.DENIED),
        (http(404, {"errors": ["no handler for route"]}), Kind.CONFIGURATION),
        (http(503, {"errors": ["Vault is sealed"]}), Kind.SEALED),
    ],
)
def test_a_login_that_fails(answer: bytes, kind: Kind) -> None:
    """Nothing is sent without a token."""
    script = Vault(a=DATA).say("POST auth/approle/login", answer)
    with serving(script) as server, client_of(connection(server.url), Clock()) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, server.lines) == (kind, [LOGIN])


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 70_000, "é".encode()])
def test_a_secret_that_cannot_be_one_names_its_file(content: bytes | None, tmp_path: Path) -> None:
    """Nobody is asked anything."""
    file = tmp_path / "role-id"
    if content is not None:
        file.write_bytes(content)
    auth = Auth(method="approle", role_id_file=str(file), secret_id_env="SECRET_ID")  # noqa: S106 - a name
    with serving(Vault()) as server, client_of(connection(server.url, auth=auth)) as client:
        with failing() as found:
            client.read("a")
        assert (found[0].kind, str(file) in str(found[0]), server.connections) == (Kind.CONFIGURATION, True, 0)


def test_a_variable_that_is_missing_is_named() -> None:
    """As files are."""
    with client_of(connection("https://127.0.0.1:1"), environ={"ROLE_ID": "x"}) as client, failing() as found:
        client.read("a")
    assert (found[0].kind, "SECRET_ID is not set" in str(found[0])) == (Kind.CONFIGURATION, True)


def test_closing_is_best_effort() -> None:
    """A server that is gone by then is no error; who never logged in has nothing to revoke; it may be used again."""
    with serving(Vault(a=DATA)) as server:
        with client_of(connection(server.url)) as client:
            client.close()
            assert server.lines == []
            client.read("a")
            client.close()
            client.read("a")
            server.stop()
        assert server.lines == [LOGIN, "GET /v1/a", REVOKE, LOGIN, "GET /v1/a"]
