"""What the client relies on in KV, as raw calls that every server has to answer alike."""

from __future__ import annotations

import pytest

from tests.vault_server.api import Reply, Vault


class Kv:
    """A mount of KV."""

    def __init__(self, vault: Vault) -> None:
        """Mounts it."""
        self.vault = vault
        self.path = vault.mounted("kv")

    def put(self, path: str, value: object, cas: int | None = None) -> Reply:
        """Writes a secret."""
        options = {"options": {"cas": cas}} if cas is not None else {}
        return self.vault.call("POST", f"{self.path}/data/{path}", {"data": value, **options})

    def get(self, path: str, version: int | None = None) -> Reply:
        """Reads a secret."""
        return self.vault.call("GET", f"{self.path}/data/{path}", params={"version": str(version)} if version else None)

    def post(self, path: str, body: dict[str, object]) -> Reply:
        """Writes to another path."""
        return self.vault.call("POST", f"{self.path}/{path}", body)

    def metadata(self, path: str) -> dict[str, object]:
        """The metadata of a secret."""
        return self.vault.call("GET", f"{self.path}/metadata/{path}").data

    def listed(self, path: str) -> object:
        """The names in a folder."""
        return self.vault.call("LIST", f"{self.path}/metadata/{path}").data.get("keys")


@pytest.fixture
def kv(vault: Vault) -> Kv:
    """A mount on each server."""
    return Kv(vault)


def test_a_secret_is_written_once_and_read(kv: Kv) -> None:
    """``cas`` 0 creates; the second time it is refused by 400 and a text that says why."""
    first, second = (kv.put("a/b", {"x": "1", "n": 2}, 0) for _ in range(2))
    assert (first.status, first.data["version"], second.status) == (200, 1, 400)
    assert second.errors == ["check-and-set parameter did not match the current version"]
    read = kv.get("a/b")
    assert read.data["data"] == {"x": "1", "n": 2}
    metadata = read.data["metadata"]
    assert isinstance(metadata, dict)
    assert {name: metadata[name] for name in ("version", "destroyed", "deletion_time", "custom_metadata")} == {
        "version": 1,
        "destroyed": False,
        "deletion_time": "",
        "custom_metadata": None,
    }
    assert str(metadata["created_time"]).endswith("Z")


def test_what_is_not_there_is_404_without_a_body_to_speak_of(kv: Kv) -> None:
    """A secret, a version, a folder: 404 and no errors."""
    kv.put("a", {"x": "1"}, 0)
    replies = [
        kv.get("none"),
        kv.get("a", 7),
        kv.vault.call("GET", f"{kv.path}/metadata/none"),
        kv.vault.call("LIST", f"{kv.path}/metadata/none"),
    ]
    assert [(reply.status, reply.body.get("errors"), "data" in reply.body) for reply in replies] == [(404, [], False)] * 4


def test_each_write_names_the_version_before_it(kv: Kv) -> None:
    """And whoever names none overwrites, unless the mount or the secret wants it named."""
    kv.put("a", {"x": "1"}, 0)
    assert [kv.put("a", {"x": "2"}, cas).status for cas in (0, 2, 1, 1)] == [400, 400, 200, 400]
    assert kv.put("a", {"x": "3"}).data["version"] == 3
    kv.post("metadata/a", {"cas_required": True})
    refused = kv.put("a", {"x": "4"})
    assert (refused.status, refused.errors) == (400, ["check-and-set parameter required for this call"])
    kv.post("config", {"cas_required": True})
    assert kv.put("b", {"x": "1"}).errors == ["check-and-set parameter required for this call"]


def test_old_versions_can_be_read(kv: Kv) -> None:
    """By number; 0 is the latest."""
    kv.put("a", {"x": "1"})
    kv.put("a", {"x": "2"})
    assert [kv.get("a", version).data["data"] for version in (1, 2, 0)] == [{"x": "1"}, {"x": "2"}, {"x": "2"}]


def test_a_deleted_secret_is_404_with_a_body_that_says_so(kv: Kv) -> None:
    """Data null, the time in the metadata; the next write names the deleted version, not 0."""
    kv.put("a", {"x": "1"}, 0)
    assert kv.vault.call("DELETE", f"{kv.path}/data/a").status == 204
    read = kv.get("a")
    metadata = read.data["metadata"]
    assert isinstance(metadata, dict)
    assert (read.status, read.data["data"], metadata["version"], metadata["destroyed"]) == (404, None, 1, False)
    assert str(metadata["deletion_time"]).endswith("Z")
    assert [kv.put("a", {"x": "2"}, cas).status for cas in (0, 1)] == [400, 200]
    assert kv.get("a").data["data"] == {"x": "2"}


def test_what_was_deleted_can_be_brought_back(kv: Kv) -> None:
    """By ``undelete``; ``delete`` takes versions, too."""
    for value in ("1", "2"):
        kv.put("a", {"x": value})
    assert kv.post("delete/a", {"versions": [1, 2]}).status == 204
    assert [kv.get("a", version).status for version in (1, 2)] == [404, 404]
    assert kv.post("undelete/a", {"versions": [1]}).status == 204
    assert [kv.get("a", version).status for version in (1, 2)] == [200, 404]


def test_what_was_destroyed_cannot(kv: Kv) -> None:
    """404 with a body that says so; the metadata keeps the version."""
    for value in ("1", "2"):
        kv.put("a", {"x": value})
    assert kv.post("destroy/a", {"versions": [1]}).status == 204
    kv.post("undelete/a", {"versions": [1]})
    read = kv.get("a", 1)
    metadata = read.data["metadata"]
    assert isinstance(metadata, dict)
    assert (read.status, read.data["data"], metadata["destroyed"]) == (404, None, True)
    assert kv.get("a").data["data"] == {"x": "2"}
    kv.post("destroy/a", {"versions": [2]})
    assert (kv.get("a").status, kv.metadata("a")["current_version"]) == (404, 2)
    assert [kv.put("a", {"x": "3"}, cas).status for cas in (0, 2)] == [400, 200]


def test_what_is_said_of_versions_that_are_not_there(kv: Kv) -> None:
    """Nothing: 204; but some must be named."""
    paths = ["delete/none", "undelete/none", "destroy/none"]
    assert [kv.post(path, {"versions": [1]}).status for path in paths] == [204] * 3
    assert kv.vault.call("DELETE", f"{kv.path}/data/none").status == 204
    kv.put("a", {"x": "1"})
    assert [kv.post(path, {}).status for path in ("delete/a", "undelete/a", "destroy/a")] == [400] * 3


def test_metadata_tells_of_all_versions(kv: Kv) -> None:
    """And what was noted, which replaces what was noted before."""
    for value in ("1", "2", "3"):
        kv.put("a", {"x": value})
    kv.post("destroy/a", {"versions": [1]})
    kv.post("delete/a", {"versions": [2]})
    assert kv.post("metadata/a", {"custom_metadata": {"k": "v"}}).status == 204
    kv.post("metadata/a", {"custom_metadata": {"revision": "abc"}})
    told = kv.metadata("a")
    versions = told["versions"]
    assert isinstance(versions, dict)
    assert {number: (version["destroyed"], bool(version["deletion_time"])) for number, version in versions.items()} == {
        "1": (True, False),
        "2": (False, True),
        "3": (False, False),
    }
    assert (told["current_version"], told["custom_metadata"], told["cas_required"]) == (3, {"revision": "abc"}, False)
    read = kv.get("a").data["metadata"]
    assert isinstance(read, dict)
    assert read["custom_metadata"] == {"revision": "abc"}


def test_notes_are_short_texts(kv: Kv) -> None:
    """At most 64, keys up to 128 bytes, values up to 512; others are refused by 400."""
    kv.put("a", {"x": "1"})
    notes: list[tuple[dict[str, object], int]] = [
        ({"k" * 128: "v" * 512}, 204),
        ({"k" * 129: "v"}, 400),
        ({"k": "v" * 513}, 400),
        ({str(number): "v" for number in range(65)}, 400),
        ({"k": {"deep": "v"}}, 400),
    ]
    assert [kv.post("metadata/a", {"custom_metadata": note}).status for note, _ in notes] == [status for _, status in notes]


def test_notes_come_before_a_secret_without_a_version(kv: Kv) -> None:
    """The metadata stands, the secret is still absent, and ``cas`` 0 creates it."""
    kv.post("metadata/a", {"custom_metadata": {"k": "v"}})
    assert (kv.get("a").status, kv.metadata("a")["current_version"]) == (404, 0)
    assert kv.put("a", {"x": "1"}, 0).status == 200


def test_only_so_many_versions_are_kept(kv: Kv) -> None:
    """Older ones are as if they had never been."""
    kv.post("metadata/a", {"max_versions": 2})
    for value in ("1", "2", "3"):
        kv.put("a", {"x": value})
    versions = kv.metadata("a")["versions"]
    assert isinstance(versions, dict)
    assert (sorted(versions), kv.get("a", 1).status, kv.metadata("a")["oldest_version"]) == (["2", "3"], 404, 2)


def test_forgetting_a_secret_starts_its_numbers_anew(kv: Kv) -> None:
    """``cas`` 0 creates it again, as version 1."""
    kv.put("a", {"x": "1"})
    kv.put("a", {"x": "2"})
    assert [kv.vault.call("DELETE", f"{kv.path}/metadata/a").status for _ in range(2)] == [204, 204]
    assert kv.get("a").body.get("errors") == []
    assert kv.put("a", {"x": "3"}, 0).data["version"] == 1


def test_folders_list_what_is_directly_in_them(kv: Kv) -> None:
    """Secrets by name, folders with a slash, a name that is both twice; deleted secrets are listed, too."""
    for path in ("a", "a/b", "a/c/d", "e/f"):
        kv.put(path, {"x": "1"})
    kv.vault.call("DELETE", f"{kv.path}/data/e/f")
    assert [kv.listed(path) for path in ("", "a", "a/", "e")] == [["a", "a/", "e/"], ["b", "c/"], ["b", "c/"], ["f"]]
    listed = kv.vault.call("GET", f"{kv.path}/metadata/a", params={"list": "true"})
    assert listed.data["keys"] == ["b", "c/"]


def test_a_write_without_data_is_refused(kv: Kv) -> None:
    """By 400; so is data that is no object, and ``cas`` that is no number."""
    assert kv.post("data/a", {"options": {"cas": 0}}).errors == ["no data provided"]
    assert kv.put("a", "text").status == 400
    assert kv.post("data/a", {"data": {"x": "1"}, "options": {"cas": "one"}}).status == 400


def test_data_of_any_shape_and_size_comes_back_as_it_was(kv: Kv) -> None:
    """Text with line breaks and beyond ASCII, numbers, lists, objects, null."""
    value = {"pem": "-----BEGIN\nä\n" * 2000, "n": 3, "l": [1, "2", None], "o": {"p": True}, "null": None}
    kv.put("a/b.c-d_e", value, 0)
    assert kv.get("a/b.c-d_e").data["data"] == value


def test_paths_may_hold_what_urls_cannot(kv: Kv) -> None:
    """Escaped by percent signs."""
    assert kv.put("a%20b/%C3%BC", {"x": "1"}, 0).status == 200
    assert [kv.listed(path) for path in ("", "a%20b")] == [["a b/"], ["ü"]]
    assert kv.get("a%20b/%c3%bc").data["data"] == {"x": "1"}


def test_empty_data_is_data(kv: Kv) -> None:
    """A secret without fields is there."""
    kv.put("a", {}, 0)
    read = kv.get("a")
    assert (read.status, read.data["data"]) == (200, {})
