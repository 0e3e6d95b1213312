"""Kubeconfigs for people: several clusters in one file, and files that are somebody else's too."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.x509.kubeconfig_entries import parse_entries
from reconciler.x509.read import read_certificates
from tests.builders import make_ca
from tests.inprocess import Home

SERVER: Final = "https://api.demo.internal:6443"
#: As kubectl leaves it, with a person's comments; the context in it is hers.
FOREIGN: Final = """\
# Jane's own
apiVersion: v1
kind: Config
preferences: {}
clusters:
- name: kind   # the one on this machine
  cluster: {server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}
contexts:
- context: {cluster: kind, user: kind}
  name: kind
current-context: kind
users:
- name: kind
  user:
    token: hers
"""


def document(**fields: object) -> dict[str, Any]:
    """A CA, jane with a group, and her kubeconfig, which is merged unless a field says otherwise."""
    jane = {
        "component": "jane",
        "bundle": "demo",
        "server": SERVER,
        "clusterName": "demo",
        "namespace": "apps",
        "path": "home/config",
        "merge": True,
    }
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "cas": {"main": {"path": "ca/main"}},
        "components": {"jane": {"ca": "main", "usages": ["client auth"], "subject": {"organizations": ["dev"]}}},
        "bundles": {"demo": {"cas": ["main"], "path": "demo.crt"}},
        "kubeconfigs": {"jane": jane | fields},
    }


def with_staging(**fields: object) -> dict[str, Any]:
    """A second cluster with a CA of its own, where jane is somebody else, and has two contexts."""
    more = {
        "clusters": {"staging": {"server": "https://api.staging.internal:6443", "bundle": "staging"}},
        "users": {"jane-staging": {"component": "jane-staging"}},
        "contexts": {
            "staging": {"cluster": "staging", "user": "jane-staging"},
            "staging-test": {"cluster": "staging", "user": "jane-staging", "namespace": "test"},
        },
    }
    state = document(**more | fields)
    state["cas"]["staging"] = {"path": "ca/staging"}
    state["components"]["jane-staging"] = {"ca": "staging", "usages": ["client auth"], "path": "jane-staging"}
    state["bundles"]["staging"] = {"cas": ["staging"], "path": "staging.crt"}
    return state


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A desired state with jane in it, whose file is not there yet."""
    home = Home(path=tmp_path)
    home.write(document())
    return home


def config(home: Home) -> Path:
    """Jane's file."""
    return home.path / "home/config"


def give(home: Home, text: str) -> None:
    """Jane has a file already."""
    config(home).parent.mkdir(exist_ok=True)
    config(home).write_text(text, encoding="utf-8")
    config(home).chmod(0o600)


def loaded(home: Home) -> dict[str, Any]:
    """What a YAML reader finds."""
    found = yaml.safe_load(config(home).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def names(home: Home) -> dict[str, list[str]]:
    """The names of all entries."""
    return {section: [each["name"] for each in loaded(home)[section]] for section in ("clusters", "users", "contexts")}


def test_a_file_of_her_own_keeps_every_byte_that_is_hers(home: Home) -> None:
    """Ours stand behind hers, the context in use stays, and the plan after it is empty."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    text = config(home).read_text(encoding="utf-8")
    lines = iter(text.splitlines(keepends=True))
    assert [line for line in FOREIGN.splitlines(keepends=True) if line not in lines] == []  # all of hers, in her order
    assert names(home) == {"clusters": ["kind", "demo"], "users": ["kind", "jane"], "contexts": ["kind", "jane@demo"]}
    assert loaded(home)["contexts"][1]["context"] == {"cluster": "demo", "namespace": "apps", "user": "jane"}
    assert loaded(home)["current-context"] == "kind"
    assert home.plan().changes() == {}


def test_without_a_file_she_gets_one_with_a_context_in_use(home: Home) -> None:
    """Readable by its owner alone."""
    assert home.apply().code == 0
    assert (loaded(home)["current-context"], names(home)["clusters"]) == ("jane@demo", ["demo"])
    assert stat.S_IMODE(config(home).stat().st_mode) == 0o600
    assert home.plan().changes() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("current-context: kind", 'current-context: ""'),
        ("token: hers", "token: another"),
        ("# Jane's own", "# mine"),
        ("- context: {cluster: kind, user: kind}\n  name: kind\n", "- context: {cluster: kind, user: kind}\n  name: local\n"),
        ("preferences: {}", "preferences: {colors: true}"),
    ],
)
def test_what_she_changes_is_no_drift(home: Home, old: str, new: str) -> None:
    """Nothing of hers is looked at, nor what is in use."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    give(home, config(home).read_text(encoding="utf-8").replace(old, new))
    assert home.plan().changes() == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SERVER, "https://elsewhere.test:6443", 'cluster "demo": it points at another server'),
        ("namespace: apps", "namespace: else", 'context "jane@demo": it has another namespace'),
        ("    user: jane\n", "    user: kind\n", 'context "jane@demo": it has another user'),
        ("    client-key-data: ", "    username: x\n    client-key-data: ", "users[jane].user.username"),
        ("name: jane@demo", "name: work", "it does not hold context jane@demo"),
    ],
)
def test_ours_are_put_right_and_hers_stay(home: Home, old: str, new: str, message: str) -> None:
    """A repair; the certificate stays."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    right = config(home).read_text(encoding="utf-8")
    give(home, right.replace(old, new))
    plan = home.plan()
    assert plan.changes() == {"kubeconfig.jane": ("repair", ("OutputStale",))}
    assert message in str(plan.json["resource_changes"])
    assert home.apply().code == 0
    assert loaded(home)["users"] == yaml.safe_load(right)["users"]
    assert home.plan().changes() == {}
    if new != "name: work":  # a context under another name is hers by now
        assert config(home).read_text(encoding="utf-8") == right


def test_a_renewal_changes_her_certificate_alone(home: Home) -> None:
    """Everything else in the file is as it was."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    before = loaded(home)
    state = document()
    state["components"]["jane"]["reissue"] = "once"
    home.write(state)
    assert home.apply().code == 0
    after = loaded(home)
    assert before["users"].pop()["user"]["client-certificate-data"] != after["users"].pop()["user"]["client-certificate-data"]
    assert after == before
    assert home.plan().changes() == {}


def test_losing_our_records_reissues_nothing(home: Home) -> None:
    """What is in the file says whose it is, and can still be taken out."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    shutil.rmtree(home.path / "state")
    assert home.plan().changes() == {}
    assert home.apply().code == 0
    leave(home)
    assert config(home).read_text(encoding="utf-8") == FOREIGN


def leave(home: Home) -> None:
    """Jane leaves."""
    state = document() | {"prune": True, "guards": {"maxDestroy": 5}, "kubeconfigs": {}}
    del state["components"]["jane"]
    home.write(state)
    assert home.apply().code == 0


def test_when_she_leaves_ours_are_taken_out(home: Home) -> None:
    """Hers is what it was, to the byte; her mode, too."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    leave(home)
    assert config(home).read_text(encoding="utf-8") == FOREIGN
    assert home.plan().changes() == {}


def test_a_file_with_nothing_else_in_it_goes(home: Home) -> None:
    """It was made here."""
    assert home.apply().code == 0
    leave(home)
    assert not config(home).exists()


def test_entries_under_new_names_replace_those_under_old_ones(home: Home) -> None:
    """No dead context is left."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    home.write(document(clusterName="prod", contextName="work", currentContext="work"))
    ((address, (action, reasons)),) = home.plan().changes().items()
    assert (address, action, set(reasons)) == ("kubeconfig.jane", "repair", {"OutputStale"})
    assert home.apply().code == 0
    assert names(home) == {"clusters": ["kind", "prod"], "users": ["kind", "jane"], "contexts": ["kind", "work"]}
    assert loaded(home)["current-context"] == "work"
    assert home.plan().changes() == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"clusterName": "kind"}, 'it has another cluster "kind", which was not written here; choose another clusterName'),
        ({"userName": "kind"}, 'it has another user "kind", which was not written here; choose another userName'),
        ({"contextName": "kind"}, 'it has another context "kind", which was not written here; choose another contextName'),
    ],
)
def test_her_entries_of_the_same_name_are_not_touched(home: Home, fields: dict[str, str], said: str) -> None:
    """Nothing is issued either: there would be nowhere to put it."""
    give(home, FOREIGN)
    home.write(document(**fields))
    plan = home.plan()
    assert {address: word for address, (word, _) in plan.changes().items()} == {
        "ca.main": "create",
        "bundle.demo": "create",
        "component.jane": "blocked",
        "kubeconfig.jane": "blocked",
    }
    assert said in str(plan.json)
    assert home.apply().code == 1
    assert config(home).read_text(encoding="utf-8") == FOREIGN


def test_a_file_that_cannot_be_read_is_not_touched(home: Home) -> None:
    """Even when it was merged into before."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    broken = config(home).read_text(encoding="utf-8").replace("users:\n", "users: [\n")
    give(home, broken)
    assert home.apply().code == 1
    assert config(home).read_text(encoding="utf-8") == broken


def test_a_file_that_was_shared_is_not_taken_over(home: Home) -> None:
    """Without ``merge`` the whole file is ours: not while hers is in it."""
    give(home, FOREIGN)
    assert home.apply().code == 0
    before = config(home).read_bytes()
    home.write(document(merge=False))
    plan = home.plan()
    assert plan.changes()["kubeconfig.jane"][0] == "blocked"
    assert "take them out, or set merge: true" in str(plan.json)
    assert config(home).read_bytes() == before


def test_several_clusters_in_one_file(home: Home) -> None:
    """Each context leads to its own server, CA, certificate and namespace."""
    home.write(with_staging(merge=False))
    assert home.apply().code == 0
    found = parse_entries(config(home).read_bytes())
    assert {name: (each.cluster, each.user, each.namespace) for name, each in found.contexts.items()} == {
        "jane@demo": ("demo", "jane", "apps"),
        "staging": ("staging", "jane-staging", ""),
        "staging-test": ("staging", "jane-staging", "test"),
    }
    issuers = {name: read_certificates(each.certificate_pem)[0].facts.issuer.common_name for name, each in found.users.items()}
    anchors = {name: read_certificates(each.ca_pem)[0].facts.subject.common_name for name, each in found.clusters.items()}
    assert (issuers, anchors) == ({"jane": "main", "jane-staging": "staging"}, {"demo": "main", "staging": "staging"})
    assert (found.current, found.extras) == ("jane@demo", ())
    assert home.plan().changes() == {}


def test_a_further_user_follows_its_component(home: Home) -> None:
    """A new certificate for staging is a new one in the file, in the same apply."""
    home.write(with_staging())
    assert home.apply().code == 0
    state = with_staging()
    state["components"]["jane-staging"]["reissue"] = "once"
    home.write(state)
    changes = home.plan().changes()
    assert {address: reasons for address, (_, reasons) in changes.items()} == {
        "component.jane-staging": ("ReissueRequested",),
        "kubeconfig.jane": ("OutputStale",),
    }
    assert home.apply().code == 0
    leaf = read_certificates((home.path / "jane-staging.crt").read_bytes())[0]
    held = parse_entries(config(home).read_bytes()).users["jane-staging"].certificate_pem
    assert read_certificates(held)[0].facts.serial == leaf.facts.serial
    assert home.plan().changes() == {}


def test_a_foreign_entry_in_a_file_of_ours_is_drift(home: Home) -> None:
    """Without ``merge`` the file holds what git says, and nothing else."""
    home.write(with_staging(merge=False))
    assert home.apply().code == 0
    right = config(home).read_bytes()
    give(home, right.decode() + "- name: bob\n  user: {token: x}\n")
    assert home.plan().changes() == {"kubeconfig.jane": ("repair", ("OutputStale",))}
    assert home.apply().code == 0
    assert config(home).read_bytes() == right


def test_a_rotation_of_the_second_ca_waits_for_its_cluster_entry(home: Home) -> None:
    """Both generations of staging's CA are trusted in staging's entry, and in no other."""
    home.write(with_staging())
    assert home.apply().code == 0
    state = with_staging()
    state["cas"]["staging"] |= {"generation": 2, "rotation": {"soak": "1h"}}
    home.write(state)
    assert home.apply().code == 0
    found = parse_entries(config(home).read_bytes())
    trusted = {name: len(read_certificates(each.ca_pem)) for name, each in found.clusters.items()}
    assert trusted == {"demo": 1, "staging": 2}


def test_files_instead_of_data(home: Home) -> None:
    """A user can refer to the component's files, which kubectl reads afresh."""
    home.write(with_staging(users={"jane-staging": {"component": "jane-staging", "embed": False}}))
    assert home.apply().code == 0
    user = parse_entries(config(home).read_bytes()).users["jane-staging"]
    assert (user.certificate_path, user.key_path) == ("/jane-staging.crt", "/jane-staging.key")
    assert home.plan().changes() == {}


def test_an_admin_for_a_working_day(home: Home) -> None:
    """``lifetime: 8h`` is due in its last third, and is renewed by then; nothing else has to be said."""
    state = document()
    state["components"]["jane"] |= {"lifetime": "8h", "subject": {"organizations": ["cluster-admins"]}}
    home.write(state)
    assert home.apply().code == 0
    user = parse_entries(config(home).read_bytes()).users["jane"]
    leaf = read_certificates(user.certificate_pem)[0].facts
    assert leaf.not_after - leaf.not_before <= timedelta(hours=8, minutes=5)
    assert home.plan().changes() == {}
    for hours, due in ((5, False), (6, True), (8, True)):
        at = (leaf.not_before + timedelta(hours=hours)).isoformat()
        assert (home.plan("--at", at).changes() != {}) is due
    assert isinstance(leaf.not_after, datetime)


def test_the_file_stays_hers(home: Home) -> None:
    """Written by root, it belongs to whom it belonged to."""
    give(home, FOREIGN)
    for path in (config(home).parent, config(home)):
        os.chown(path, 12345, 23456)
    assert home.apply().code == 0
    status = config(home).stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, 0o600)
    leave(home)
    status = config(home).stat()
    assert (status.st_uid, status.st_gid, config(home).read_text(encoding="utf-8")) == (12345, 23456, FOREIGN)


def with_admin(**fields: object) -> dict[str, Any]:
    """Jane, and jane as an administrator for a day, in one file and nowhere else."""
    more = {"users": {"admin": {"component": "admin"}}, "contexts": {"admin": {"user": "admin"}}}
    state = document(**more | fields)
    state["components"]["admin"] = {"ca": "main", "usages": ["client auth"], "lifetime": "8h"}
    return state


def test_several_credentials_live_in_one_file(home: Home) -> None:
    """Made in one apply, each renewed without the other, and not found anywhere else."""
    give(home, FOREIGN)
    home.write(with_admin())
    assert home.apply().code == 0
    assert home.plan().changes() == {}
    before = parse_entries(config(home).read_bytes()).users
    assert sorted(before) == ["admin", "jane", "kind"]
    at = (read_certificates(before["admin"].certificate_pem)[0].facts.not_after - timedelta(hours=1)).isoformat()
    assert set(home.plan("--at", at).changes()) == {"component.admin", "kubeconfig.jane"}
    state = with_admin()
    state["components"]["admin"]["reissue"] = "once"
    home.write(state)
    assert home.apply().code == 0
    after = parse_entries(config(home).read_bytes()).users
    assert (after["jane"], after["kind"]) == (before["jane"], before["kind"])
    assert after["admin"].key_pem != before["admin"].key_pem
    assert home.plan().changes() == {}
    shutil.rmtree(home.path / "state")
    assert home.plan().changes() == {}
    assert not list(home.path.rglob("admin.*"))


@pytest.mark.parametrize("merge", [True, False])
def test_a_second_credential_comes_and_goes(home: Home, merge: bool) -> None:
    """The first one stays what it is."""
    home.write(document(merge=merge))
    assert home.apply().code == 0
    before = parse_entries(config(home).read_bytes()).users
    home.write(with_admin(merge=merge))
    assert home.apply().code == 0
    assert home.plan().changes() == {}
    both = parse_entries(config(home).read_bytes()).users
    assert (both["jane"], sorted(both)) == (before["jane"], ["admin", "jane"])
    home.write(document(merge=merge) | {"prune": True})
    assert home.apply().code == 0
    assert parse_entries(config(home).read_bytes()).users == before
    assert home.plan().changes() == {}


def test_a_copy_of_what_lives_in_another_file_follows_it(home: Home) -> None:
    """A component lives in one kubeconfig; another that embeds it holds the same certificate."""
    state = document()
    state["kubeconfigs"]["second"] = state["kubeconfigs"]["jane"] | {"path": "home/second", "merge": False}
    home.write(state)
    assert home.apply().code == 0
    state["components"]["jane"]["reissue"] = "once"
    home.write(state)
    assert home.apply().code == 0
    users = [parse_entries((home.path / path).read_bytes()).users["jane"] for path in ("home/config", "home/second")]
    assert users[0] == users[1]
    assert home.plan().changes() == {}


def test_an_authority_outside_answers_each_credential_by_itself(home: Home) -> None:
    """Two requests stand beside one file; what comes back is put into it, whichever comes first."""
    authority = make_ca("outside", now=datetime.now(tz=UTC))
    state = with_admin()
    state["cas"]["main"]["issuer"] = {"external": {}}
    state["components"]["admin"]["lifetime"] = "1d"
    home.write(state)
    give(home, FOREIGN)
    (home.path / "ca").mkdir()
    (home.path / "ca/main.crt").write_bytes(authority.certificate.pem)
    assert home.apply().code == 0
    assert config(home).read_text(encoding="utf-8") == FOREIGN
    for name, stem, days in (("jane", "config.next", "365"), ("admin", "config.admin.next", "1")):
        request = home.path / f"home/{stem}.csr"
        command = ["openssl", "x509", "-req", "-in", str(request), "-copy_extensions", "copyall", "-days", days]
        keys = ["-CA", str(home.path / "ca/main.crt"), "-CAkey", str(home.path / "outside.key")]
        (home.path / "outside.key").write_bytes(authority.key.pem())
        signed = subprocess.run([*command, *keys], capture_output=True, check=True).stdout
        (home.path / f"home/{stem}.crt").write_bytes(signed)
        said = home.apply()
        assert said.code == 0, f"{name}: {said.out}"
    users = parse_entries(config(home).read_bytes()).users
    assert sorted(users) == ["admin", "jane", "kind"]
    assert sorted(path.name for path in (home.path / "home").iterdir()) == ["config"]
