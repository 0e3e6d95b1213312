"""One reconciler makes everything into KV; each node fetches its part with a token that only reads."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.x509.read import Certificate, read_certificates
from reconciler.x509.verify import chain_problem
from tests.cli.fetching import NODES, Fleet
from tests.vault_server.api import Vault

AGENT: Final = "component.agent[w-1]"
SECRET: Final = "nodes/w-1/etc/agent/tls"  # noqa: S105 - the path of one


@pytest.fixture
def fleet(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Everything is made, and nobody has fetched it."""
    made = Fleet(vault=vault, folder=tmp_path, monkeypatch=monkeypatch)
    made.central("apply", "--auto-approve")
    return made


@pytest.fixture
def fetched(fleet: Fleet) -> Fleet:
    """Both nodes have what is theirs."""
    for node in NODES:
        fleet.node(node, "apply", "--auto-approve")
    return fleet


def test_nodes_get_what_is_in_kv_and_change_nothing_there(fleet: Fleet) -> None:
    """Byte for byte, with the modes that the document says; what another node has is not among it; hooks run on the node."""
    assert fleet.hooked("w-1") == fleet.hooked("w-2") == 0
    for node in NODES:
        if fleet.vault.scripted is not None:
            fleet.vault.scripted.log.clear()
        fleet.node(node, "apply", "--auto-approve")
        assert fleet.writes() == []
        files, agent = fleet.files(node), fleet.secret(f"nodes/{node}/etc/agent/tls")
        wanted = {
            "etc/agent/tls.crt": agent["certificate"],
            "etc/agent/tls.key": agent["private_key"],
            "etc/agent/tls.fullchain.crt": agent["fullchain"],
            "etc/agent/tls.pem": agent["pem"],
            "etc/user.conf": fleet.secret(f"nodes/{node}/user.conf")["content"],
            "etc/all.pem": fleet.secret("clusters/demo/all.pem")["content"],
        }
        if node == "w-1":
            shared = fleet.secret("clusters/demo/shared")
            wanted |= {"etc/shared/tls.crt": shared["certificate"], "etc/shared/tls.key": shared["private_key"]}
        assert {path: data.decode() for path, data in files.items() if path != "etc/here.pem"} == wanted
        assert len(read_certificates(files["etc/here.pem"])) == 2
        key = fleet.homes[node].path / "etc/agent/tls.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o640
        assert fleet.hooked(node) == 1
        assert "No changes." in fleet.node(node, "plan").out
    assert "No changes." in fleet.central("plan").out


def test_every_command_knows_them(fetched: Fleet) -> None:
    """The status of a node has the paths of its files; nothing else of it is missing."""
    rows = fetched.node("w-1", "status", "--format", "json").json["resources"]
    home = fetched.homes["w-1"].path
    states = {row["address"]: (row["sync"], row["health"]) for row in rows}
    assert states == dict.fromkeys(
        (
            *("ca.front", "ca.main", AGENT, "component.shared", "component.user[w-1]"),
            *("bundle.all", "bundle.here[w-1]", "kubeconfig.user[w-1]"),
        ),
        ("Synced", "Healthy"),
    )
    paths = {row["address"]: row["paths"] for row in rows}
    assert paths[AGENT]["certificate"] == f"{home}/etc/agent/tls.crt"
    assert AGENT in fetched.node("w-1", "inventory").out
    assert "source" not in fetched.node("w-1", "show", "desired").out
    fetched.node("w-1", "verify")


def test_a_change_reaches_the_nodes_once(fetched: Fleet) -> None:
    """What is issued anew is fetched by whose it is; hooks run once, and the second look finds nothing to do."""
    before = {node: fetched.files(node) for node in NODES}
    fetched.change('dns: ["{node}.example.com"]', 'dns: ["{node}.example.com", "{node}.example.net"]')
    assert "No changes." in fetched.node("w-1", "plan").out  # git is ahead of what is issued: that is for others to see to
    fetched.central("apply", "--auto-approve")
    changes = fetched.node("w-1", "plan", "--format", "json").changes()
    assert changes == {AGENT: ("repair", ("OutputStale", "KeyMismatch", "OutputStale", "OutputStale"))}
    for node in NODES:
        for _ in range(2):
            fetched.node(node, "apply", "--auto-approve")
        after = fetched.files(node)
        assert sorted(path for path in after if after[path] != before[node][path]) == [
            f"etc/agent/tls{suffix}" for suffix in (".crt", ".fullchain.crt", ".key", ".pem")
        ]
        assert f"dns:{node}.example.net" in read_certificates(after["etc/agent/tls.crt"])[0].facts.sans
        assert fetched.hooked(node) == 2


def test_a_plan_that_was_saved_goes_stale_with_its_source(fleet: Fleet) -> None:
    """What would be fetched is not what was shown."""
    saved = str(fleet.folder / "plan")
    fleet.node("w-1", "plan", "--out", saved)
    fleet.change(
        "usages: [server auth]\n    sans: {dns: [shared", "reissue: again\n    usages: [server auth]\n    sans: {dns: [shared"
    )
    fleet.central("apply", "--auto-approve")
    fleet.change("reissue: again\n    ", "")
    assert "Saved plan is stale" in fleet.node("w-1", "apply", saved, code=1).log


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("deleted", "Missing"),
        ("torn", "KeyMismatch"),
        ("another CA's", "WrongIssuer"),
        ("without an output", "OutputStale"),
        ("no key", "Missing"),
        ("rubbish", "Unreadable"),
    ],
)
def test_a_source_that_is_not_right_replaces_nothing(fetched: Fleet, harm: str, reason: str) -> None:
    """Whatever became of it, the node keeps what it has, and says why."""
    good = fetched.secret(SECRET)
    others = {"torn": "nodes/w-2/etc/agent/tls", "another CA's": "clusters/demo/shared"}
    other = fetched.secret(others.get(harm, SECRET))
    fetched.put(
        SECRET,
        {
            "deleted": None,
            "torn": {**good, "private_key": other["private_key"]},
            "another CA's": {**good, "certificate": other["certificate"], "private_key": other["private_key"]},
            "without an output": {name: value for name, value in good.items() if name != "pem"},
            "no key": {name: value for name, value in good.items() if name != "private_key"},
            "rubbish": {**good, "certificate": "-"},
        }[harm],
    )
    before = fetched.files("w-1")
    action, reasons = fetched.node("w-1", "plan", "--format", "json", code=1).changes()[AGENT]
    assert (action, reasons[0]) == ("blocked", reason)
    fetched.node("w-1", "apply", "--auto-approve", code=1)
    assert (fetched.files("w-1"), fetched.hooked("w-1")) == (before, 1)
    row = next(row for row in fetched.node("w-1", "status", "--format", "json").json["resources"] if row["address"] == AGENT)
    assert row["sync"] == "OutOfSync"


def test_a_source_that_has_expired_replaces_nothing(fetched: Fleet) -> None:
    """Neither when the copy is gone: an old certificate does not come back."""
    (action, reasons) = fetched.node("w-1", "plan", "--format", "json", "--at", "2028-01-01T00:00:00Z", code=1).changes()[AGENT]
    assert (action, reasons) == ("blocked", ("Expired",))


def test_a_server_that_is_away(fetched: Fleet) -> None:
    """Nothing is done, and what is on disk goes on being healthy."""
    fetched.change(fetched.vault.address, "http://127.0.0.1:9")
    fetched.change("auth: {method", "deadline: 1s, auth: {method")
    before = fetched.files("w-1")
    fetched.node("w-1", "apply", "--auto-approve", code=1)
    assert fetched.files("w-1") == before
    rows = fetched.node("w-1", "status", "--format", "json").json["resources"]
    assert [(row["sync"], row["health"]) for row in rows if row["address"] == AGENT] == [("Unknown", "Healthy")]


def test_files_of_somebody_else_are_left_alone(fleet: Fleet) -> None:
    """Until somebody says that they may go."""
    place = fleet.homes["w-1"].path / "etc/agent"
    place.mkdir(parents=True)
    shared = fleet.secret("clusters/demo/shared")
    (place / "tls.crt").write_text(str(shared["certificate"]), encoding="utf-8")
    (place / "tls.key").write_text(str(shared["private_key"]), encoding="utf-8")
    (place / "tls.key").chmod(0o640)
    fleet.node("w-1", "apply", "--auto-approve", code=1)
    assert fleet.files("w-1")["etc/agent/tls.crt"].decode() == shared["certificate"]
    fleet.node("w-1", "apply", "--auto-approve", "--adopt")
    assert fleet.files("w-1")["etc/agent/tls.crt"].decode() == fleet.secret(SECRET)["certificate"]


def test_what_was_touched_on_disk_is_put_right(fetched: Fleet) -> None:
    """A mode, a file that is gone, text in a bundle: all as its source again."""
    home, before = fetched.homes["w-1"].path, fetched.files("w-1")
    (home / "etc/agent/tls.key").chmod(0o644)
    changes = fetched.node("w-1", "plan", "--format", "json").changes()
    assert changes == {AGENT: ("repair", ("ModeDrift",))}
    (home / "etc/agent/tls.fullchain.crt").unlink()
    (home / "etc/all.pem").write_bytes(before["etc/here.pem"])
    (home / "etc/user.conf").unlink()
    fetched.node("w-1", "apply", "--auto-approve")
    assert fetched.files("w-1") == before
    assert stat.S_IMODE((home / "etc/agent/tls.key").stat().st_mode) == 0o640


def test_a_lost_state_directory_costs_nothing(fetched: Fleet) -> None:
    """What a node fetched before is known again by where it stands."""
    for file in (fetched.homes["w-1"].path / "state").rglob("*"):
        if file.is_file():
            file.unlink()
    fetched.change('"{node}.example.com"]', '"{node}.example.net"]')
    fetched.central("apply", "--auto-approve")
    fetched.node("w-1", "apply", "--auto-approve")
    assert fetched.files("w-1")["etc/agent/tls.crt"].decode() == fetched.secret(SECRET)["certificate"]


def test_a_node_signs_nothing(fleet: Fleet) -> None:
    """What it would have to issue by itself is held back, with the way out; everything else goes on."""
    fleet.change("    store: nodes\n    path: etc/agent/tls\n    copies: {}\n", "    store: files\n    path: etc/agent/tls\n")
    said = fleet.node("w-1", "apply", "--auto-approve", code=1)
    assert "ca.main signs nothing in the view of a node" in said.out + said.log
    assert "etc/agent/tls.crt" not in fleet.files("w-1")
    assert "etc/user.conf" in fleet.files("w-1")


def test_a_rotation_reaches_the_nodes_without_a_break(fetched: Fleet) -> None:
    """At every moment each node's server is trusted by each bundle of both, though nodes follow one after the other."""
    steps = (
        ("rotation: {", "generation: 2\n    rotation: {"),
        ("rotation: {", "rotation: {proceed: clients, "),
        ("proceed: clients", "proceed: servers"),
        ("proceed: servers", "proceed: distrust"),
    )
    for number, (before, after) in enumerate(steps):
        fetched.change(before, after)
        for act in ("central", *NODES, "central", *reversed(NODES)):
            if act == "central":
                fetched.central("apply", "--auto-approve")
            else:
                fetched.node(act, "apply", "--auto-approve")
                plan = fetched.node(act, "plan", "--format", "json").json
                assert (plan["resource_changes"], plan["rotations"]) == ([], [])
                assert [entry["code"] for entry in plan["diagnostics"]] == ["ca-not-seen"]
            assert list(_breaks(fetched)) == []
        # Nobody goes ahead: both generations and the other CA, until everything leads to the new one and people say so.
        assert _names(fetched) == {("main" if number < 2 else "main g2", 2 if number == 3 else 3)}
    assert "No changes." in fetched.central("plan").out


def _breaks(fleet: Fleet) -> Iterator[str]:
    files = {node: fleet.files(node) for node in NODES}
    for server in NODES:
        chain = read_certificates(files[server]["etc/agent/tls.crt"])
        for client in NODES:
            for bundle in ("etc/all.pem", "etc/here.pem"):
                roots = read_certificates(files[client][bundle])
                problem = chain_problem(chain, roots, at=chain[0].facts.not_before, usage="server auth")
                if problem is not None:
                    yield f"{client} refuses {server} by {bundle}: {problem}"


def _names(fleet: Fleet) -> set[tuple[str, int]]:
    """Who signed what the nodes have, and how many CAs they trust by their own bundle."""

    def issuer(certificate: Certificate) -> str:
        return certificate.facts.issuer.common_name

    return {
        (issuer(read_certificates(files["etc/agent/tls.crt"])[0]), len(read_certificates(files["etc/here.pem"])))
        for files in map(fleet.files, NODES)
    }


def test_what_leaves_is_removed_by_everybody_for_itself(fetched: Fleet) -> None:
    """The node takes its files away and asks the server for nothing; whoever issues revokes."""
    start, end = fetched.text.index("  agent:\n"), fetched.text.index("  shared:\n")
    agent = fetched.text[start:end]
    fetched.change(agent, "")
    if fetched.vault.scripted is not None:
        fetched.vault.scripted.log.clear()
    said = fetched.node("w-1", "apply", "--auto-approve")
    assert fetched.writes() == []
    assert not any("agent" in path for path in fetched.files("w-1"))
    assert "No changes." in fetched.node("w-1", "plan").out, said.out
    fetched.central("apply", "--auto-approve", "--allow-mass-change")
    assert fetched.vault.call("GET", f"{fetched.kv}/data/{SECRET}").status == 404
    assert "No changes." in fetched.central("plan").out
