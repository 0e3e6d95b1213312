"""``apply`` through the real command: approval, saved plans, partial failure, what moves, enters and leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.audit import AuditLog, verify_chain
from reconciler.apply.lock import hold
from reconciler.issuers.local import LocalIssuer
from reconciler.stores.errors import StoreError
from tests.inprocess import Home


def document(**more: object) -> dict[str, Any]:
    """A CA and two servers."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store"}},
        "cas": {"main": {"path": "ca/main"}},
        "components": {"a": server("a"), "b": server("b")},
        **more,
    }


def server(name: str, **more: object) -> dict[str, Any]:
    """A component."""
    subject = {"commonName": f"{name}.test"}
    return {
        "ca": "main",
        "usages": ["server auth"],
        "subject": subject,
        "sans": {"dns": [f"{name}.test"]},
        "path": f"pki/{name}",
        **more,
    }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty directory with a desired state."""
    home = Home(path=tmp_path)
    home.write(document())
    return home


@pytest.fixture
def applied(home: Home) -> Home:
    """The same, applied."""
    assert home.apply().code == 0
    return home


def files(home: Home) -> dict[str, tuple[int, bytes]]:
    """Every file of the store with its inode and content."""
    found = (file for file in sorted((home.path / "store").rglob("*")) if file.is_file() and not file.is_symlink())
    return {str(file.relative_to(home.path)): (file.stat().st_ino, file.read_bytes()) for file in found}


@pytest.mark.parametrize(("answer", "code", "made"), [("yes\n", 0, True), ("y\n", 1, False), ("", 1, False)])
def test_only_yes_approves(home: Home, answer: str, code: int, made: bool) -> None:
    """The literal yes, nothing else."""
    said = home.call("apply", stdin=answer)
    assert (said.code, (home.path / "store" / "pki" / "a.crt").exists()) == (code, made)
    assert "Only 'yes' will be accepted to approve." in said.out


def test_nobody_to_ask_is_an_error(home: Home) -> None:
    """Without a terminal and without approval it ends at once instead of waiting for ever."""
    said = home.call("apply")
    assert said.code == 64
    assert "--auto-approve" in said.log
    assert not (home.path / "store").exists()


def test_nothing_to_do_asks_nothing(applied: Home) -> None:
    """An empty plan needs no approval, and writes nothing."""
    before = files(applied)
    said = applied.call("apply")
    assert said.code == 0
    assert "No changes. Your infrastructure matches the configuration." in said.out
    assert "Apply complete! Resources: 0 added, 0 changed, 0 destroyed." in said.out
    assert files(applied) == before


def test_a_saved_plan_is_carried_out_without_asking(home: Home) -> None:
    """The file is the approval; it is private and holds neither key nor PEM."""
    plan = home.path / "plan.json"
    said = home.call("plan", "--out", str(plan))
    assert f'cluster-pki apply "{plan}"' in said.out
    assert plan.stat().st_mode & 0o777 == 0o600
    assert b"BEGIN" not in plan.read_bytes()
    said = home.call("apply", str(plan))
    assert (said.code, said.out.strip()) == (0, "Apply complete! Resources: 3 added, 0 changed, 0 destroyed.")
    said = home.call("apply", str(plan))
    assert said.code == 1
    assert "Saved plan is stale" in said.log


def _edit(home: Home, **change: object) -> None:
    found = json.loads((home.path / "plan.json").read_text(encoding="utf-8"))
    (home.path / "plan.json").write_text(json.dumps({**found, **change}), encoding="utf-8")


STALE: dict[str, tuple[Callable[[Home], object], str]] = {
    "the desired state changed": (lambda home: home.write(document(prune=True)), "The desired state in"),
    "a file changed": (lambda home: (home.path / "store/pki/a.key").unlink(), "component.a: "),
    "time has passed": (lambda home: _edit(home, valid_until="2020-01-01T00:00:00Z"), "It was valid until 2020-01-01 00:00 UTC"),
    "another cluster": (lambda home: _edit(home, cluster="other"), 'It was made for "other", this is "demo"'),
    "another format": (lambda home: _edit(home, format_version="9.0"), 'It says format_version "9.0"'),
    "not a plan": (lambda home: (home.path / "plan.json").write_text("[]"), "cannot be read as a plan"),
    "not text": (lambda home: (home.path / "plan.json").write_bytes(b"\xff\x00"), "cannot be read as a plan"),
}


@pytest.mark.parametrize("story", STALE)
def test_a_stale_plan_is_refused(applied: Home, story: str) -> None:
    """Whatever the saved plan rests on has moved: nothing is done, and the message says what."""
    change, message = STALE[story]
    applied.write(document(components={"a": server("a", reissue="now"), "b": server("b")}))
    assert applied.call("plan", "--out", str(applied.path / "plan.json")).code == 0
    change(applied)
    before = files(applied)
    said = applied.call("apply", str(applied.path / "plan.json"))
    assert said.code == 1
    assert message in said.log
    assert 'Run "cluster-pki plan" again.' in said.log
    assert files(applied) == before


def test_a_saved_plan_leaves_out_what_came_later(applied: Home) -> None:
    """Only what was reviewed is done, even when more has become necessary since."""
    applied.write(document(components={"a": server("a", reissue="now"), "b": server("b")}))
    applied.call("plan", "--out", str(applied.path / "plan.json"))
    (applied.path / "store/pki/b.crt").unlink()
    assert applied.call("apply", str(applied.path / "plan.json")).code == 0
    assert applied.plan().changes() == {"component.b": ("reissue", ("Missing",))}


def test_planning_options_do_not_go_with_a_saved_plan(applied: Home) -> None:
    """A saved plan has its own."""
    assert applied.call("apply", str(applied.path / "plan.json"), "--target", "component.a").code == 64


def test_a_failure_stops_only_its_own_address(home: Home) -> None:
    """One place cannot be written: everything else is done, the exit code says that not all is."""
    (home.path / "store" / "pki").mkdir(parents=True)
    (home.path / "store" / "pki" / ".a").write_text("in the way", encoding="utf-8")
    said = home.apply()
    assert said.code == 1
    assert f"Error: component.a: {home.path}/store/pki/.a" in said.out
    assert "Apply incomplete. Resources: 2 added, 0 changed, 0 destroyed, 1 failed." in said.out
    (home.path / "store" / "pki" / ".a").unlink()
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0


def test_what_rests_on_a_failure_is_not_started(home: Home) -> None:
    """Without its CA nothing below is issued, and each says why."""
    (home.path / "store").mkdir()
    (home.path / "store" / "ca").write_text("in the way", encoding="utf-8")
    said = home.apply()
    assert said.code == 1
    assert "Error: component.a: not started: ca.main is not there" in said.out
    assert not (home.path / "store" / "pki").exists()


def test_the_lock_is_respected(applied: Home) -> None:
    """While somebody applies, nobody else does, and nobody looks at half a change; the message says who."""
    lock = str(applied.path / "state" / "lock")
    with hold(lock, operation="reconcile", exclusive=True):
        for command in ("apply", "plan", "status"):
            said = applied.call(command, "--lock-timeout", "0s", *(["--auto-approve"] if command == "apply" else []))
            assert said.code == 75
            assert "reconcile" in said.log
    assert applied.apply().code == 0


def test_a_rename_costs_nothing(applied: Home) -> None:
    """`moved` with the same path: the certificate stays, the record follows, and after that it is inert."""
    before = files(applied)
    components = {"c": server("a"), "b": server("b")}
    applied.write(document(components=components, moved=[{"from": "component.a", "to": "component.c"}]))
    assert "# component.a has moved to component.c" in applied.call("plan").out
    assert applied.apply().code == 0
    assert files(applied) == before
    assert sorted(applied.records()) == ["ca.main", "component.b", "component.c"]
    assert applied.call("plan", "--detailed-exitcode").code == 0


def test_a_rename_with_a_change(applied: Home) -> None:
    """A move and a reissue at once leave one record."""
    components = {"c": server("a", reissue="now"), "b": server("b")}
    applied.write(document(components=components, moved=[{"from": "component.a", "to": "component.c"}]))
    assert applied.apply().code == 0
    assert sorted(applied.records()) == ["ca.main", "component.b", "component.c"]
    assert applied.call("plan", "--detailed-exitcode").code == 0


def test_what_leaves_is_only_told(applied: Home) -> None:
    """Without prune, what left the file stays on disk and in the inventory; the plan is empty and warns."""
    before = files(applied)
    applied.write(document(components={"b": server("b")}))
    said = applied.call("plan", "--detailed-exitcode")
    assert said.code == 0
    assert "component.a" in said.out
    assert applied.apply().code == 0
    assert files(applied) == before
    assert "component.a" in applied.records()


def test_prune_removes_what_left(applied: Home) -> None:
    """With prune, files and generations go; nothing else is touched."""
    before = files(applied)
    applied.write(document(components={"b": server("b")}, prune=True))
    said = applied.call("plan")
    assert "Plan: 0 to add, 0 to change, 1 to destroy." in said.out
    assert applied.apply().code == 0
    assert files(applied) == {name: found for name, found in before.items() if "/a." not in name and "/.a/" not in name}
    assert sorted(found.name for found in (applied.path / "store/pki").iterdir()) == [".b", "b.crt", "b.key"]
    assert sorted(applied.records()) == ["ca.main", "component.b"]


@pytest.mark.parametrize(("destroy", "left"), [(False, True), (True, False)])
def test_removed_forgets_or_destroys(applied: Home, destroy: bool, left: bool) -> None:
    """`removed` says it in the file, for one address, whatever prune says."""
    components = {"b": server("b")}
    applied.write(document(components=components, removed=[{"from": "component.a", "destroy": destroy}]))
    assert applied.apply().code == 0
    assert (applied.path / "store/pki/a.crt").exists() is left
    assert sorted(applied.records()) == ["ca.main", "component.b"]
    assert applied.call("plan", "--detailed-exitcode").code == 0


def test_a_ca_is_not_pruned(applied: Home) -> None:
    """A CA that left the file is protected by what we recorded of it, not by the file it left."""
    other = document(prune=True, cas={"other": {"path": "ca/other"}})
    other["components"] = {name: {**spec, "ca": "other"} for name, spec in other["components"].items()}
    applied.write(other)
    said = applied.apply("--allow-mass-change")
    assert said.code == 1
    assert "ca.main" in said.out
    assert "cannot be destroyed" in said.out
    assert (applied.path / "store/ca/main.key").exists()


def test_foreign_files_are_not_overwritten(home: Home, tmp_path: Path) -> None:
    """What is there, is not ours and does not fit is left alone until somebody says otherwise."""
    other = Home(path=tmp_path / "other")
    other.path.mkdir()
    other.write(document())
    assert other.apply().code == 0
    assert home.apply("--target", "component.b").code == 0
    for name in ("a.crt", "a.key"):
        shutil.copy(other.path / "store/pki" / name, home.path / "store/pki" / name)
    before = files(home)
    said = home.apply()
    assert said.code == 1
    assert "Foreign" in said.out
    assert files(home) == before
    wanted = document(imports=[{"to": "component.a", "id": "/store/pki/a.crt"}])
    home.write(wanted)
    assert "to import" in home.call("plan").out
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0


def test_files_that_fit_are_adopted(applied: Home) -> None:
    """Without records, plain files that fit need no change, are not rewritten, and are known from then on."""
    pair = {name: (applied.path / "store/pki" / name).read_bytes() for name in ("a.crt", "a.key")}
    shutil.rmtree(applied.path / "store/pki/.a")
    for name, data in pair.items():
        (applied.path / "store/pki" / name).unlink()
        (applied.path / "store/pki" / name).write_bytes(data)
    (applied.path / "store/pki/a.key").chmod(0o600)
    (applied.path / "store/pki/a.crt").chmod(0o644)
    shutil.rmtree(applied.path / "state")
    before = files(applied)
    assert applied.call("plan", "--detailed-exitcode").code == 0
    assert applied.apply().code == 0
    assert files(applied) == before
    assert sorted(applied.records()) == ["ca.main", "component.a", "component.b"]


def test_replace_makes_a_new_pair(applied: Home) -> None:
    """``--replace`` is a new key and certificate for that address alone."""
    before = files(applied)
    said = applied.plan("--replace", "component.a")
    assert said.changes() == {"component.a": ("rekey", ("ReissueRequested",))}
    assert applied.apply("--replace", "component.a").code == 0
    after = files(applied)
    assert {name: after[name] for name in before if "/.a/" not in name} == {
        name: found for name, found in before.items() if "/.a/" not in name
    }
    assert (applied.path / "store/pki/a.key").read_bytes() not in [data for _, data in before.values()]


def test_target_leaves_the_rest(home: Home) -> None:
    """``--target`` does one address and what it rests on, and says that it did not do everything."""
    said = home.apply("--target", "component.a")
    assert said.code == 0
    assert "Resource targeting is in effect" in said.out
    assert sorted(home.records()) == ["ca.main", "component.a"]
    assert home.call("plan", "--target", "component.z").code == 64


@pytest.mark.parametrize(("damage", "code"), [(False, 0), (True, 2)])
def test_refresh_only_reports_drift(applied: Home, damage: bool, code: int) -> None:
    """``--refresh-only`` tells what is not as we left it, and plans nothing."""
    if damage:
        (applied.path / "store/pki/a.key").chmod(0o644)
    said = applied.plan("--refresh-only", "--detailed-exitcode")
    assert said.code == code
    assert said.json["resource_changes"] == []
    assert [drift["address"] for drift in said.json["resource_drift"]] == ["component.a"] * damage


def test_ca_copies_and_keypairs_mend_from_their_original(home: Home) -> None:
    """A copy with another key gets the original's again, and no key is made anew."""
    nodes = [{"name": f"cp-{n}", "roles": ["control-plane"], "addresses": [f"192.0.2.{n}"]} for n in (1, 2)]
    copies = {"forEach": {}, "path": "ca", "store": "nodes"}
    spread = document(
        nodes=nodes,
        stores={"files": {"type": "file", "root": "/store"}, "nodes": {"type": "file", "root": "/store/nodes/{node}"}},
        cas={"main": {"path": "ca/main", "copies": copies}},
        keypairs={"sa": {"path": "sa", "store": "nodes", "forEach": {}, "key": "ecdsa-p256"}},
    )
    home.write(spread)
    assert home.apply().code == 0
    store = home.path / "store"
    assert (store / "nodes/cp-2/ca.key").read_bytes() == (store / "ca/main.key").read_bytes()
    assert (store / "nodes/cp-1/sa.key").read_bytes() == (store / "nodes/cp-2/sa.key").read_bytes()
    original = (store / "ca/main.key").read_bytes()
    _overwrite(store / "nodes/cp-2/ca.key", (store / "pki/a.key").read_bytes())
    _overwrite(store / "nodes/cp-1/sa.key", (store / "pki/b.key").read_bytes())
    sa = (store / "nodes/cp-2/sa.key").read_bytes()
    assert home.plan().changes() == {
        "ca.main[cp-2]": ("repair", ("KeyMismatch",)),
        "keypair.sa[cp-1]": ("repair", ("KeyMismatch",)),
    }
    assert home.apply().code == 0
    assert (store / "nodes/cp-2/ca.key").read_bytes() == original
    assert (store / "nodes/cp-1/sa.key").read_bytes() == sa
    assert home.call("plan", "--detailed-exitcode").code == 0


def test_every_apply_is_in_the_audit_log(applied: Home) -> None:
    """Who did what and why, one line each, chained."""
    applied.apply("--replace", "component.a")
    lines = AuditLog(str(applied.path / "state" / "audit.jsonl")).lines()
    entries = [json.loads(line) for line in lines]
    assert verify_chain(lines) is None
    assert [(entry["operation"], entry["address"], entry["reasons"]) for entry in entries] == [
        ("create", "ca.main", ["Missing"]),
        ("create", "component.a", ["Missing"]),
        ("create", "component.b", ["Missing"]),
        ("rekey", "component.a", ["ReissueRequested"]),
    ]


def _overwrite(path: Path, data: bytes) -> None:
    path.resolve().write_bytes(data)


@pytest.mark.parametrize("edit", [b"# trust me\n", b"\n", b"junk"])
def test_a_bundle_of_ours_is_ours_to_the_byte(home: Home, edit: bytes) -> None:
    """What somebody wrote into a bundle that we wrote is taken out; in one that was adopted it stays."""
    home.write(document(bundles={"trust": {"cas": ["main"], "path": "trust.crt"}}))
    assert home.apply().code == 0
    file = home.path / "store" / "trust.crt"
    written = file.read_bytes()
    file.write_bytes(written + edit)
    assert home.plan().changes() == {"bundle.trust": ("repair", ("BundleStale",))}
    shutil.rmtree(home.path / "state")
    assert home.plan().changes() == {}
    assert home.apply().code == 0
    assert file.read_bytes() == written + edit


def test_an_adopted_bundle_may_be_narrower(home: Home) -> None:
    """The record of a file that others wrote has the mode that they gave it: nothing has changed behind our back."""
    home.write(document(bundles={"trust": {"cas": ["main"], "path": "trust.crt"}}))
    assert home.apply().code == 0
    shutil.rmtree(home.path / "state")
    (home.path / "store" / "trust.crt").resolve().chmod(0o600)
    assert home.apply().code == 0
    said = home.plan()
    assert (said.changes(), said.json["resource_drift"]) == ({}, [])


def test_a_plan_is_saved_only_where_there_is_a_place(home: Home) -> None:
    """A misspelt directory is an error, not a new directory."""
    said = home.call("plan", "--out", str(home.path / "plnas" / "plan.json"))
    assert (said.code, said.out) == (64, "")
    assert "there is no such directory" in said.log
    assert not (home.path / "plnas").exists()


def test_a_failure_says_the_way_out(home: Home) -> None:
    """What the disk refused is told with what to do about it."""
    (home.path / "store").mkdir(mode=0o755)
    (home.path / "store" / "pki").mkdir()
    (home.path / "store" / "pki").chmod(0o777)
    said = home.apply()
    assert said.code == 1
    assert f"chmod go-w {home.path}/store/pki" in said.out


def test_nothing_is_signed_for_a_full_disk(applied: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room for the result no CA key is used; what is there stays, and others go on."""
    signed: list[object] = []
    issue = LocalIssuer.sign

    def counted(issuer: LocalIssuer, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - handed on as they are
        signed.append(arguments)
        return issue(issuer, *arguments, **options)

    def full(path: str) -> None:
        if path.endswith("/store"):
            raise StoreError(path, "no space is left on the device")

    monkeypatch.setattr(LocalIssuer, "sign", counted)
    monkeypatch.setattr("reconciler.stores.disk.ensure_space", full)
    before = files(applied)
    said = applied.apply("--replace", "component.a")
    assert said.code == 1
    assert "no space is left on the device" in said.out
    assert (signed, files(applied)) == ([], before)


def test_the_audit_log_can_be_read_and_checked(applied: Home) -> None:
    """``show audit`` tells who did what; a changed line is an error that names its place."""
    said = applied.call("show", "audit")
    assert said.code == 0
    assert " create component.a (Missing) serial=" in said.out
    assert "3 entries; the chain of hashes is whole." in said.out
    log = applied.path / "state" / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"component.a", b"component.z"))
    said = applied.call("show", "audit", "--format", "json")
    assert (said.code, said.json["whole"], said.json["broken_at"]) == (1, False, 2)
    assert "breaks at entry 2" in applied.call("show", "audit").out
