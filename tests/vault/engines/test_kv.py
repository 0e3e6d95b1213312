"""The KV engine: versions, what is left of deleted ones, and writes over the version that was read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.vault.engines.kv import Kv, NoSecret, Secret
from reconciler.vault.errors import Kind
from tests.vault.hostile import Act, closing, http, serving
from tests.vault.scene import Clock, Vault, calls, client_of, connection, failing

CREATED = datetime(2018, 3, 22, 2, 24, 6, 945319, tzinfo=UTC)


def metadata(**changed: object) -> dict[str, object]:
    """Of a version, as the API page has it."""
    return {
        "created_time": "2018-03-22T02:24:06.945319214Z",
        "custom_metadata": None,
        "deletion_time": "",
        "destroyed": False,
        "version": 2,
        **changed,
    }


def secret(data: object, **changed: object) -> dict[str, object]:
    """The document of a read."""
    return {"data": {"data": data, "metadata": metadata(**changed)}}


GONE = {"deletion_time": "2018-03-22T02:36:43.986212308Z"}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        pytest.param(
            http(200, secret({"a": "1"}, custom_metadata={"owner": "us"})),
            Secret(version=2, data={"a": "1"}, created=CREATED, custom={"owner": "us"}),
            id="there",
        ),
        pytest.param(
            http(200, secret({}, created_time="2018-03-22T04:24:06.945319+02:00", deletion_time="2099-01-01T00:00:00Z")),
            Secret(version=2, data={}, created=CREATED, custom={}),
            id="empty, of another zone, and deleted one day",
        ),
        pytest.param(http(404, secret(None, **GONE)), NoSecret(version=2, state="deleted"), id="deleted"),
        pytest.param(http(404, secret(None, destroyed=True)), NoSecret(version=2, state="destroyed"), id="destroyed"),
        pytest.param(
            http(404, secret(None, destroyed=True, **GONE)), NoSecret(version=2, state="destroyed"), id="deleted, then destroyed"
        ),
        pytest.param(http(404, {"errors": []}), NoSecret(version=0, state="absent"), id="absent"),
    ],
)
def test_what_is_there_and_what_is_left(answer: bytes, found: Secret | NoSecret) -> None:
    """Deleted, destroyed and never there are three states."""
    script = Vault().say("GET team/secret/data/pki/a b", answer).say("GET team/secret/data/pki/a%20b", answer)
    with serving(script) as server, client_of(connection(server.url)) as client:
        kv = Kv(client, "team/secret/")
        assert (kv.read("/pki/a b"), kv.read("pki/a b", 2)) == (found, found)
        assert calls(server) == ["GET /v1/team/secret/data/pki/a%20b", "GET /v1/team/secret/data/pki/a%20b?version=2"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(
            http(404, {"errors": ['no handler for route "kv/data/a". route entry not found.']}), Kind.ABSENT, id="no engine"
        ),
        pytest.param(http(404, b"<html>404</html>", Content_Type="text/html"), Kind.NONSENSE, id="a web server"),
        pytest.param(http(200, {"data": {"data": {"a": 1}, "options": {}}}), Kind.NONSENSE, id="KV of version 1"),
        pytest.param(http(200, {"data": {"data": [], "metadata": metadata()}}), Kind.NONSENSE, id="data is a list"),
        pytest.param(http(200, secret({}, version=0)), Kind.NONSENSE, id="version 0"),
        pytest.param(http(200, secret({}, version=True)), Kind.NONSENSE, id="version true"),
        pytest.param(http(200, secret({}, created_time="yesterday")), Kind.NONSENSE, id="no time"),
        pytest.param(http(200, secret({}, created_time="2018-03-22T02:24:06")), Kind.NONSENSE, id="no zone"),
        pytest.param(http(200, secret({}, custom_metadata={"a": 1})), Kind.NONSENSE, id="custom metadata that is no text"),
        pytest.param(http(403, {"errors": ["permission denied"]}), Kind.DENIED, id="denied"),
        pytest.param(http(503, {"errors": ["Vault is sealed"]}), Kind.SEALED, id="sealed"),
    ],
)
def test_what_is_not_an_answer_is_not_nothing(answer: bytes, kind: Kind) -> None:
    """Nobody may take an error for a secret that is missing."""
    with serving(Vault().say("GET kv/data/a", answer)) as server, client_of(connection(server.url), Clock()) as client:
        with failing() as found:
            Kv(client, "kv").read("a")
        assert found[0].kind is kind


def test_writing_names_the_version_that_was_read() -> None:
    """Also when there is none."""
    script = Vault().say("POST kv/data/a", http(200, {"data": metadata(version=1)}), http(200, {"data": metadata(version=8)}))
    with serving(script) as server, client_of(connection(server.url)) as client:
        kv = Kv(client, "kv")
        assert (kv.write("a", {"x": "1"}, cas=0), kv.write("a", {"x": "2"}, cas=7)) == (1, 8)
        assert [each.json for each in server.requests[1:]] == [
            {"options": {"cas": 0}, "data": {"x": "1"}},
            {"options": {"cas": 7}, "data": {"x": "2"}},
        ]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(400, {"errors": ["check-and-set parameter did not match the current version"]}), Kind.CONFLICT),
        (http(400, {"errors": ["check-and-set parameter required for this call"]}), Kind.REFUSED),
        (http(204), Kind.NONSENSE),
        (closing(), Kind.UNKNOWN),
        (http(502, b"<html>"), Kind.UNKNOWN),
    ],
)
def test_a_write_that_fails_is_sent_once(answer: bytes | Act, kind: Kind) -> None:
    """A conflict has to be looked at, and a cut too. KV of version 1 takes the same request, and says nothing."""
    with serving(Vault().say("POST kv/data/a", answer)) as server, client_of(connection(server.url), Clock()) as client:
        with failing() as found:
            Kv(client, "kv").write("a", {"key": "very-secret"}, cas=3)
        assert (found[0].kind, calls(server)) == (kind, ["POST /v1/kv/data/a"])
        assert "very-secret" not in found[0].advice


def test_the_other_operations() -> None:
    """Each is one request of the API, and may be repeated after a cut."""
    script = Vault().say("LIST kv/metadata", http(200, {"data": {"keys": ["a", "b/"]}}))
    for line in ("POST kv/metadata/a", "DELETE kv/data/a", "DELETE kv/metadata/a", "POST kv/destroy/a"):
        script.say(line, closing(), http(204))
    with serving(script) as server, client_of(connection(server.url), Clock()) as client:
        kv = Kv(client, "kv")
        assert (kv.list(""), kv.list("none/")) == (("a", "b/"), ())
        kv.annotate("a", {"owner": "us"})
        kv.delete("a")
        kv.destroy("a")
        kv.purge_versions("a", (3, 1, 3))
        kv.purge_versions("a", ())
        assert calls(server) == [
            "LIST /v1/kv/metadata", "LIST /v1/kv/metadata/none",
            *["POST /v1/kv/metadata/a"] * 2, *["DELETE /v1/kv/data/a"] * 2, *["DELETE /v1/kv/metadata/a"] * 2,
            *["POST /v1/kv/destroy/a"] * 2,
        ]  # fmt: skip
        assert [each.json for each in server.requests if each.method == "POST"][1:] == [
            *[{"custom_metadata": {"owner": "us"}}] * 2, *[{"versions": [1, 3]}] * 2,
        ]  # fmt: skip


def test_a_secret_does_not_show_itself() -> None:
    """In no repr."""
    shown = repr(Secret(version=1, data={"tls.key": "very-secret"}, created=CREATED, custom={}))
    assert shown == "Secret(version=1, 1 fields)"
