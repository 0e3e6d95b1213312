"""Requests at the command line: made with a key that stays, shown, decided in the YAML, and got once they are signed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.cli.requests.editing import checked
from reconciler.stores.errors import StoreError
from reconciler.x509.csr import read_request
from reconciler.x509.keys import PrivateKey
from reconciler.x509.kubeconfig_entries import parse_entries
from reconciler.x509.read import read_certificates
from tests.inprocess import Home, Said
from tests.requesting import csr, manifest

#: With comments, a blank line and an included file, as people keep it.
MAIN: Final = """\
# the PKI of demo
apiVersion: cluster-pki/v1
cluster: demo
include: [people.yaml]

cas:
  kubernetes: {path: ca} # clients
components:
  admin: {ca: kubernetes, usages: [client auth]}
bundles:
  kubernetes: {cas: [kubernetes], path: bundle.crt, files: []}
kubeconfigs:
  admin: {component: admin, bundle: kubernetes, server: "https://api.demo.internal:6443", clusterName: demo, path: admin.conf}
policy:
  requests: {groups: [dev, ops], maxLifetime: 90d}
"""
PEOPLE: Final = """\
requests:
  bob: # asked on Monday
    csr: requests/bob.csr
    ca: kubernetes
    approval: pending   # waits for his lead
"""
ENTRY: Final = """\
  jane:
    csr: requests/jane.csr
    ca: kubernetes
    usages: [client auth]
    lifetime: 30d
"""


def digest(request: str) -> str:
    """What an approval of a file says."""
    return f"sha256:{hashlib.sha256(request.encode()).hexdigest()}"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A desired state with bob's request in an included file."""
    home = Home(path=tmp_path)
    home.write(MAIN)
    (tmp_path / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "requests").mkdir()
    (tmp_path / "requests/bob.csr").write_text(csr("/CN=bob", holder="bob"), encoding="utf-8")
    return home


def requests(home: Home, *arguments: str) -> Said:
    """Runs the command, with a home directory of its own."""
    return home.call("requests", *arguments)


def new(home: Home, name: str = "jane", *arguments: str) -> Said:
    """Makes a request whose key and kubeconfig are in a directory of its own."""
    return requests(home, "new", name, "--kubeconfig", str(home.path / "kube/config"), *arguments)


def contents(home: Home) -> dict[str, str]:
    """Every file that a person has in the repository."""
    found = [home.path / "cluster-pki.yaml", home.path / "people.yaml", *sorted((home.path / "requests").iterdir())]
    return {str(path.relative_to(home.path)): path.read_text(encoding="utf-8") for path in found}


def test_a_person_makes_key_request_entry_and_kubeconfig(home: Home) -> None:
    """The key is readable by its owner alone and in nothing that is committed; the entry stands behind the others."""
    said = new(home, "jane", "--group", "dev", "--group", "ops", "--lifetime", "30d", "--namespace", "apps")
    assert said.code == 0
    key = PrivateKey.from_pem((home.path / "kube/jane.key").read_bytes())
    request = read_request((home.path / "requests/jane.csr").read_bytes())
    assert request.spki_sha256 == key.facts.spki_sha256
    assert [attribute.value for attribute in request.subject] == ["dev", "ops", "jane"]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home.path / "kube").iterdir()} == {
        "jane.key": 0o600,
        "config": 0o600,
    }
    assert contents(home) == {
        "cluster-pki.yaml": MAIN,
        "people.yaml": f"{PEOPLE}{ENTRY}",
        "requests/bob.csr": csr("/CN=bob", holder="bob"),
        "requests/jane.csr": request.pem,
    }
    assert "PRIVATE" not in str(contents(home)) + said.out + said.log
    assert home.plan().code == 0


def test_the_kubeconfig_works_once_it_is_signed(home: Home) -> None:
    """Certificate and key are files beside it: what comes back only has to be put there."""
    assert home.apply().code == 0
    assert new(home, "jane", "--group", "dev").code == 0
    found = parse_entries((home.path / "kube/config").read_bytes())
    assert (found.current, found.clusters["demo"].server) == ("jane@demo", "https://api.demo.internal:6443")
    assert (found.users["jane"].certificate_path, found.users["jane"].key_path) == ("jane.crt", "jane.key")
    assert found.clusters["demo"].ca_pem == (home.path / "ca.crt").read_bytes()
    assert requests(home, "get", "jane").code == 1
    assert requests(home, "approve", "jane").code == 0
    assert home.apply().code == 0
    signed = requests(home, "get", "jane")
    (leaf,) = read_certificates(signed.out.encode())
    key = PrivateKey.from_pem((home.path / "kube/jane.key").read_bytes())
    assert (signed.code, leaf.facts.spki_sha256) == (0, key.facts.spki_sha256)
    assert leaf.facts.subject.organizations == ("dev",)


def test_a_kubeconfig_with_the_certificate_in_it(home: Home) -> None:
    """The key is still a file of whoever asked."""
    assert new(home, "jane", "--group", "dev").code == 0
    assert requests(home, "approve", "jane").code == 0
    assert home.apply().code == 0
    said = requests(home, "get", "jane", "--format", "kubeconfig", "--namespace", "apps", "--cluster-name", "work")
    found = parse_entries(said.out.encode())
    assert found.users["jane"].certificate_pem.decode() == requests(home, "get", "jane").out
    assert (found.users["jane"].key_path, found.contexts["jane@work"].namespace) == ("jane.key", "apps")
    assert "PRIVATE" not in said.out


def test_an_existing_kubeconfig_keeps_what_is_in_it(home: Home) -> None:
    """The context is added, the one in use stays."""
    (home.path / "kube").mkdir()
    before = "clusters:\n- name: kind\n  cluster: {server: 'https://127.0.0.1:1'}\ncurrent-context: kind # mine\n"
    (home.path / "kube/config").write_text(before, encoding="utf-8")
    assert new(home).code == 0
    text = (home.path / "kube/config").read_text(encoding="utf-8")
    found = parse_entries(text.encode())
    assert (list(found.clusters), list(found.contexts), found.current) == (["kind", "demo"], ["jane@demo"], "kind")
    assert "current-context: kind # mine\n" in text


@pytest.mark.parametrize(
    ("prepare", "arguments", "code", "message"),
    [
        ("", ["--group", "admins"], 1, 'asks for the group "admins"'),
        ("", ["--group", "system:masters"], 1, 'asks for the group "system:masters", which Kubernetes keeps for itself'),
        ("", ["--lifetime", "1y"], 1, "it would live 1y, policy allows 90d"),
        ("", ["--san", "dns:jane.example.com"], 1, 'asks for the name "dns:jane.example.com"'),
        ("", ["--san", "jane.example.com"], 64, "--san jane.example.com: write dns:, ip:, uri:, email:"),
        ("", ["--key", "dsa"], 64, "--key dsa is not one of"),
        ("", ["--ca", "other"], 1, 'there is no CA "other"'),
        ("", ["--out-dir", "../elsewhere"], 64, "requests lie beside or below the main file"),
        ("", ["--namespace", "a\nb"], 64, '--namespace "a\\nb" is no namespace'),
        ("", ["--reason", "please"], 64, "--reason is no option of requests new"),
        ("kube/jane.key", [], 1, "it is there already, and is not overwritten"),
        ("requests/jane.csr", [], 1, "it is there already, and is not overwritten"),
        ("kube/config", [], 1, "name another file with --kubeconfig"),
    ],
)
def test_what_cannot_be_asked_for_leaves_nothing_behind(
    home: Home, prepare: str, arguments: list[str], code: int, message: str
) -> None:
    """No key, no request, no entry; a key that is there is never overwritten."""
    if prepare:
        (home.path / prepare).parent.mkdir(exist_ok=True)
        (home.path / prepare).write_text("users: [\n", encoding="utf-8")
    before = contents(home)
    said = new(home, "jane", *arguments)
    assert (said.code, message in said.log) == (code, True), said.log
    assert contents(home) == before
    left = {path.name for path in (home.path / "kube").iterdir()} if (home.path / "kube").exists() else set()
    assert left == ({Path(prepare).name} if prepare.startswith("kube") else set())


def test_what_is_decided_at_once_is_decided_or_told(home: Home) -> None:
    """Each of many decisions stands in the file, or its command says to do it again; nothing else is said, and nothing left."""
    names = [f"u{number}" for number in range(5)]
    for name in names:
        (home.path / f"requests/{name}.csr").write_text(csr(f"/CN={name}", holder=name), encoding="utf-8")
    entries = "".join(f"  {name}: {{csr: requests/{name}.csr, ca: kubernetes}}\n" for name in names)
    (home.path / "people.yaml").write_text(f"requests:\n{entries}", encoding="utf-8")
    command = [sys.executable, "-m", "reconciler.cli.main", "requests", "approve"]
    running = [
        subprocess.Popen(
            [*command, name, "-f", str(home.path / "cluster-pki.yaml")], stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in names
    ]
    said = [(each.communicate()[1].decode(), each.returncode) for each in running]
    text = (home.path / "people.yaml").read_text(encoding="utf-8")
    for name, (log, code) in zip(names, said, strict=True):
        approved = f"{name}: {{csr: requests/{name}.csr, ca: kubernetes, approval: approved, digest: sha256:" in text
        assert (approved, "do it again" in log) == (code == 0, code == 1), log
    assert sum(code == 0 for _, code in said) >= 1
    assert not [path.name for path in home.path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "A b", "a\nb", "x" * 64, "système", "system:admin", "~"])
def test_what_is_no_name_is_told_before_anything_else(home: Home, name: str) -> None:
    """It would become a path, a key of the YAML and a user."""
    before = contents(home)
    said = new(home, name)
    assert (said.code, " is not a name: use lower-case letters" in said.log, contents(home)) == (64, True, before)


@pytest.mark.parametrize("name", ["123", "null", "true", "0x1f", "1e5", "on"])
def test_a_name_that_yaml_reads_as_something_else_is_quoted(home: Home, name: str) -> None:
    """Names are texts."""
    assert new(home, name).code == 0
    assert f'  "{name}":\n' in contents(home)["people.yaml"]
    assert requests(home, "show", name).code == 0


def test_a_kubeconfig_of_somebody_else_stays_as_it_is_kept(home: Home) -> None:
    """A link keeps leading to it, and it keeps its mode and owner, also under sudo."""
    kept, config = home.path / "dotfiles.yaml", home.path / "kube/config"
    kept.write_text("apiVersion: v1\nkind: Config\n", encoding="utf-8")
    kept.chmod(0o640)
    owner = 1234 if os.geteuid() == 0 else os.geteuid()
    os.chown(kept, owner, -1)
    config.parent.mkdir()
    config.symlink_to(kept)
    assert new(home).code == 0
    assert config.is_symlink()
    assert (stat.S_IMODE(kept.stat().st_mode), kept.stat().st_uid) == (0o640, owner)
    assert list(parse_entries(kept.read_bytes()).contexts) == ["jane@demo"]


def test_a_kubeconfig_is_as_it_was_when_the_entry_cannot_be_written(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that lead to a key which is gone would only be in the way."""
    config = home.path / "kube/config"
    config.parent.mkdir()
    config.write_text("apiVersion: v1 # mine\n", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise StoreError("people.yaml", "the disk is full")  # noqa: EM101 - a path

    monkeypatch.setattr("reconciler.cli.requests.making.write", refuse)
    assert new(home).code == 1
    assert (config.read_text(encoding="utf-8"), list(config.parent.iterdir())) == ("apiVersion: v1 # mine\n", [config])


@pytest.mark.parametrize("command", [["approve", "bob"], ["new", "jane"]])
def test_what_somebody_else_writes_meanwhile_is_not_lost(home: Home, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two decisions at once: the second is told to do it again."""
    module = "deciding" if command[0] == "approve" else "making"
    people = home.path / "people.yaml"

    def meanwhile(*arguments: Any) -> Any:  # noqa: ANN401 - as the one that it stands for
        people.write_text(f"{PEOPLE}# changed\n", encoding="utf-8")
        return checked(*arguments)

    monkeypatch.setattr(f"reconciler.cli.requests.{module}.checked", meanwhile)
    said = new(home, "jane") if command[0] == "new" else requests(home, *command)
    assert (said.code, "it was changed while it was written; do it again" in said.log) == (1, True), said.log
    assert people.read_text(encoding="utf-8") == f"{PEOPLE}# changed\n"
    assert not (home.path / "requests/jane.csr").exists()


def test_a_name_is_taken_once(home: Home) -> None:
    """Asking again is a decision of a person."""
    said = new(home, "bob")
    assert (said.code, "there is a request bob already" in said.log) == (64, True)


@pytest.mark.parametrize(
    ("arguments", "old", "new_text"),
    [
        (
            ["approve", "bob"],
            "approval: pending   # waits for his lead\n",
            f"approval: approved   # waits for his lead\n    digest: {digest(csr('/CN=bob', holder='bob'))}\n",
        ),
        (
            ["deny", "bob", "--reason", "left in May"],
            "approval: pending   # waits for his lead\n",
            "approval: denied   # waits for his lead\n    reason: left in May\n",
        ),
    ],
)
def test_a_decision_is_an_edit_of_the_file_that_holds_the_entry(
    home: Home, arguments: list[str], old: str, new_text: str
) -> None:
    """Every other byte stays, and the file's mode; saying it again changes nothing."""
    (home.path / "people.yaml").chmod(0o640)
    before = contents(home)
    assert requests(home, *arguments).code == 0
    assert contents(home) == before | {"people.yaml": PEOPLE.replace(old, new_text)}
    assert stat.S_IMODE((home.path / "people.yaml").stat().st_mode) == 0o640
    changed = (home.path / "people.yaml").stat().st_mtime_ns
    again = requests(home, *arguments)
    assert (again.code, "already" in again.log, (home.path / "people.yaml").stat().st_mtime_ns) == (0, True, changed)


def test_another_request_in_the_same_file_is_approved_anew_or_not_at_all(home: Home) -> None:
    """A commit that replaces the file alone does not validate; setting the entry back to pending does, and so does a decision."""
    assert requests(home, "approve", "bob").code == 0
    assert home.apply().code == 0
    other = csr("/O=dev/CN=bob", holder="mallory")
    (home.path / "requests/bob.csr").write_text(other, encoding="utf-8")
    told = home.plan()
    assert (told.code, "CPK718" in told.log, f"another request was approved: this one is {digest(other)}" in told.log) == (
        1,
        True,
        True,
    )
    approved = (home.path / "people.yaml").read_text(encoding="utf-8")
    (home.path / "people.yaml").write_text(approved.replace("approval: approved", "approval: pending"), encoding="utf-8")
    assert home.plan().changes() == {}
    (home.path / "people.yaml").write_text(approved, encoding="utf-8")
    assert requests(home, "approve", "bob").code == 0
    assert (home.path / "people.yaml").read_text(encoding="utf-8").count(f"digest: {digest(other)}\n") == 1
    made = home.plan()
    assert (made.changes(), made.json["diagnostics"]) == ({"request.bob": ("reissue", ("KeyMismatch", "SubjectMismatch"))}, [])
    assert requests(home, "deny", "bob", "--reason", "who is that?").code == 0
    assert "digest" not in (home.path / "people.yaml").read_text(encoding="utf-8")


def test_a_link_to_the_file_stays_one(home: Home) -> None:
    """As ConfigMaps and some checkouts have it."""
    (home.path / "people.yaml").rename(home.path / "real.yaml")
    (home.path / "people.yaml").symlink_to("real.yaml")
    assert requests(home, "approve", "bob").code == 0
    assert ((home.path / "people.yaml").is_symlink(), "approved" in (home.path / "real.yaml").read_text()) == (True, True)


@pytest.mark.parametrize(
    ("file", "old", "new_text", "message"),
    [
        ("cluster-pki.yaml", "[dev, ops]", "[dev, ops", "cluster-pki.yaml"),
        ("cluster-pki.yaml", "{path: ca}", "{pathh: ca}", "CPK101"),
        ("people.yaml", "ca: kubernetes", "ca: nowhere", 'there is no CA "nowhere"'),
        ("requests/bob.csr", "-----BEGIN", "----BEGIN", "CPK702"),
    ],
)
def test_a_desired_state_that_does_not_validate_is_not_touched(
    home: Home, file: str, old: str, new_text: str, message: str
) -> None:
    """The mistakes are shown, and nothing is decided on top of them."""
    path = home.path / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new_text), encoding="utf-8")
    before = contents(home)
    said = requests(home, "approve", "bob")
    assert (said.code, message in said.log, contents(home)) == (1, True, before), said.log


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["deny", "bob", "--reason", "two\nlines"], 64, "--reason is one line of text"),
        (["approve", "bobb"], 64, 'there is no request "bobb"; did you mean "bob"?'),
        (["approve"], 64, "requests approve needs the name of a request"),
        (["deny", "bob"], 64, "requests deny needs --reason"),
        (["approve", "bob", "--git", ".", "--ref", "main"], 64, "a commit cannot be edited"),
        (["list", "bob"], 64, "`requests show bob` shows one"),
        (["list", "--format", "pem"], 64, "requests list has the formats text, json"),
        (["get", "bob", "--format", "text"], 1, "request.bob is pending"),
        (["show", "ann"], 64, 'there is no request "ann"'),
    ],
)
def test_what_cannot_be_done_is_said(home: Home, arguments: list[str], code: int, message: str) -> None:
    """In one line, with the way out."""
    said = requests(home, *arguments)
    assert (said.code, message in said.log) == (code, True), said.log


def test_the_list(home: Home) -> None:
    """One row each, with the state of what was signed."""
    assert new(home, "jane", "--group", "dev").code == 0
    assert requests(home, "approve", "jane").code == 0
    assert home.apply().code == 0
    table = requests(home, "list").out.splitlines()
    assert [line.split()[:3] for line in table[:3]] == [
        ["NAME", "APPROVAL", "USER"],
        ["bob", "pending", "bob"],
        ["jane", "approved", "jane"],
    ]
    assert ("Healthy" in table[2], table[-1]) == (True, "2 requests: 1 pending, 1 approved, 0 denied.")
    bob, jane = requests(home, "list", "--format", "json").json
    assert (bob["certificate"], jane["certificate"]["health"], jane["groups"]) == (None, "Healthy", ["dev"])


def test_an_empty_list_says_how_to_begin(home: Home) -> None:
    """Rather than a heading without rows."""
    (home.path / "people.yaml").write_text("requests: {}\n", encoding="utf-8")
    assert requests(home, "list").out == "There are no requests. `cluster-pki requests new NAME` makes one.\n"
    assert requests(home, "list", "--format", "json").json == []


def test_a_reviewer_sees_all_that_is_asked_for(home: Home) -> None:
    """User, groups, names, usages, key, CA, and that policy has nothing against it."""
    shown = requests(home, "show", "bob")
    assert shown.code == 0
    assert re.sub(r"[0-9a-f]{64}", "…", shown.out).splitlines() == [
        "request.bob",
        "  Approval: pending",
        "  User:     bob",
        "  Groups:   (none)",
        "  Names:    (none)",
        "  Usages:   client auth",
        "  Key:      ecdsa-p256, SHA-256 …",
        "  Proof:    the request is signed with this key",
        "  CA:       ca.kubernetes",
        "  Lifetime: 90d, signed again 30d before its end while approved",
        "  File:     requests/bob.csr",
        "            sha256:…",
        "  Policy:   allows all of it",
    ]


def test_a_reviewer_sees_what_policy_refuses(home: Home) -> None:
    """Also where the desired state does not validate because of it."""
    (home.path / "requests/bob.csr").write_text(csr("/O=admins/CN=bob", holder="bob"), encoding="utf-8")
    shown = requests(home, "show", "bob", "--format", "json")
    (row,) = shown.json
    assert (shown.code, row["groups"], row["violations"]) == (
        1,
        ["admins"],
        ['refuses it (CPK705): requests/bob.csr:1:1: asks for the group "admins"'.replace("requests/", f"{home.path}/requests/")],
    )


def test_a_mistake_elsewhere_hides_no_request(home: Home) -> None:
    """The reviewer of one request sees it, and that something else is wrong."""
    path = home.path / "cluster-pki.yaml"
    path.write_text(MAIN.replace("component: admin,", "component: admn,"), encoding="utf-8")
    shown = requests(home, "show", "bob")
    assert (shown.code, "  User:     bob\n" in shown.out, "mistakes elsewhere" in shown.log) == (1, True, True)


def test_when_the_entry_cannot_be_written_nothing_is_left(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without a request would only be in the way of the next attempt."""
    full = StoreError("people.yaml", "the disk is full")

    def refuse(*_: object) -> None:
        raise full

    before = contents(home)
    monkeypatch.setattr("reconciler.cli.requests.making.write", refuse)
    said = new(home)
    assert (said.code, contents(home), list((home.path / "kube").iterdir())) == (1, before, [])


def test_a_kubernetes_object_comes_back_with_its_certificate(home: Home) -> None:
    """The same object, approved and signed."""
    (home.path / "requests/ann.yaml").write_text(manifest(csr("/CN=ann", holder="ann")), encoding="utf-8")
    with (home.path / "people.yaml").open("a", encoding="utf-8") as file:
        file.write("  ann: {csr: requests/ann.yaml}\n")
    assert requests(home, "approve", "ann", "--reason", "joined in May").code == 0
    assert (
        "ann: {csr: requests/ann.yaml, approval: approved, reason: joined in May, digest: sha256:"
        in contents(home)["people.yaml"]
    )
    assert home.apply().code == 0
    answer: dict[str, Any] = yaml.safe_load(requests(home, "get", "ann", "--format", "yaml").out)
    assert (answer["kind"], answer["status"]["conditions"][0]["type"]) == ("CertificateSigningRequest", "Approved")
    assert requests(home, "get", "bob", "--format", "yaml").code == 1


@pytest.mark.parametrize("key", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_openssl_accepts_what_is_made(home: Home, key: str) -> None:
    """The request's signature verifies, and the key is its own."""
    assert new(home, "jane", "--group", "dev", "--key", key).code == 0
    request, private = str(home.path / "requests/jane.csr"), str(home.path / "kube/jane.key")
    verified = subprocess.run(["openssl", "req", "-in", request, "-verify", "-noout"], capture_output=True, check=True)
    assert b"verify OK" in verified.stdout + verified.stderr
    keys = [
        subprocess.run(["openssl", *words], capture_output=True, check=True).stdout
        for words in (["req", "-in", request, "-noout", "-pubkey"], ["pkey", "-in", private, "-pubout"])
    ]
    assert keys[0] == keys[1]


def test_by_default_everything_is_below_the_home_directory(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key never lies in the repository unless somebody puts it there."""
    monkeypatch.setenv("HOME", str(home.path / "janes"))
    said = requests(home, "new", "jane")
    assert said.code == 0
    assert sorted(path.name for path in (home.path / "janes/.kube").iterdir()) == ["jane.conf", "jane.key"]
    assert stat.S_IMODE((home.path / "janes/.kube").stat().st_mode) == 0o700
    assert json.dumps(contents(home)).count("PRIVATE") == 0
