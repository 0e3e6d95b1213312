"""``apply`` by hand where a CA or keypair changes its generation: it goes as far as is safe, and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crash.rotation_stories import asked
from tests.daemon.followed import server, text
from tests.inprocess import Home
from tests.real.cluster import Cluster, make_cluster


def want(home: Home, generation: int, **rotation: object) -> None:
    """A CA that nobody has to be told of, a server of it, a bundle, and a keypair; both rotate."""
    document: dict[str, Any] = yaml.safe_load(text())
    name, ca = next(iter(document["cas"].items()))
    soak = {"soak": "0s", **rotation}
    document |= {
        "cas": {name: {**ca, "generation": generation, "rotation": dict(soak)}},
        "components": {"api": server("api")},
        "bundles": {"trust": {"cas": [name], "path": "pki/trust.crt"}},
        "keypairs": {"tokens": {"key": "ecdsa-p256", "path": "pki/tokens", "generation": generation, "rotation": soak}},
    }
    home.write(document)


def generations(home: Home) -> list[str]:
    """The keys of generations that stand beside their signing pair."""
    return sorted(path.name for path in home.path.rglob("*.g?.key") if path.is_symlink())


@pytest.mark.parametrize(
    ("numbers", "retired", "left"),
    [
        ((2,), "keep", ["main.g1.key", "main.g2.key", "tokens.g1.key", "tokens.g2.key"]),
        ((2,), "destroy", ["main.g2.key", "tokens.g2.key"]),
        ((2, 1), "keep", ["main.g1.key", "tokens.g1.key"]),
    ],
    ids=["kept", "destroyed", "there and back"],
)
def test_an_apply_leaves_no_work_to_the_next(numbers: tuple[int, ...], retired: str, left: list[str], tmp_path: Path) -> None:
    """One apply a number, to the end: keys that nobody may use again are gone too, and the plan is empty (A8)."""
    home = Home(path=tmp_path)
    want(home, 1)
    assert home.apply().code == 0
    for number in numbers:
        want(home, number, retired=retired)
        assert home.apply().code == 0
        assert home.call("plan", "--detailed-exitcode").code == 0
    assert generations(home) == left


#: Root and intermediate fall due after 340 of their 365 days; what is below the intermediate serves it in its chain.
RENEWED = """\
apiVersion: cluster-pki/v1
cluster: due
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main, lifetime: 365d, renewBefore: 30d, rotation: {strategy: renew}}
  middle: {path: ca/middle, issuer: main, lifetime: 360d, renewBefore: 30d, rotation: {strategy: renew}}
components:
  api: {ca: middle, usages: [server auth], sans: {dns: [api.test]}, lifetime: 350d, renewBefore: 5d, path: pki/api}
bundles:
  trust: {cas: [main], path: pki/trust.crt}
"""


def test_what_follows_a_ca_that_keeps_its_key_follows_at_once(tmp_path: Path) -> None:
    """Bundle and chains hold the renewed certificates after the same apply, with the state directory and without it."""
    cluster = make_cluster(tmp_path, RENEWED)
    Cluster(home=tmp_path, clock="-340d").apply()
    shutil.rmtree(tmp_path / "state")
    assert list(cluster.reasons()) == ["ca.main", "ca.middle", "bundle.trust"]
    cluster.apply()
    assert cluster.reasons(expect=0) == {}


@pytest.mark.parametrize("hold", ["clients", "servers", "soak", "distrust"])
@pytest.mark.parametrize("ends", [2, 1], ids=["on", "back"])
def test_nothing_but_the_files_is_needed_to_go_on(hold: str, ends: int, tmp_path: Path) -> None:
    """Without the state directory a rotation is finished, or taken back, from every phase: what it made is not foreign."""
    home = Home(path=tmp_path)
    for text_of in (asked(1), asked(2, f"hold: {hold}")):
        home.write(text_of)
        assert home.apply().code == 0
    shutil.rmtree(tmp_path / "state")
    home.write(asked(ends))
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0


def test_the_end_of_the_soak_does_not_move(tmp_path: Path) -> None:
    """One apply reaches the soak, and the next may come a year later: it began when everything had moved, not then."""
    home = Home(path=tmp_path)
    for number in (1, 2):
        want(home, number, soak="1h")
        assert home.apply().code == 0
    ends = []
    for _ in range(2):
        rotations = home.call("plan", "--format", "json").json["rotations"]
        ends.append([(each["address"], each["phase"], each["soaks_until"]) for each in rotations])
        time.sleep(1.1)
    assert ends[0] == ends[1]
    assert [phase for _, phase, _ in ends[0]] == ["soak", "soak"]


@pytest.mark.parametrize(("grouped", "ran"), [(True, ["a"]), (False, ["a", "b"])], ids=["in a group", "alone"])
def test_who_is_restarted_after_one_that_does_not_come_back(grouped: bool, ran: list[str], tmp_path: Path) -> None:
    """The trust files of a quorum: while one member is down no other is touched, and nothing is issued by the new CA."""
    home = Home(path=tmp_path)
    document: dict[str, Any] = yaml.safe_load(text("api"))
    document["bundles"] = {
        name: {
            "cas": ["main"],
            "path": f"pki/{name}.crt",
            "after": [{"exec": ["/bin/sh", "-c", f"echo {name} >> {tmp_path}/log; test ! -e {tmp_path}/broken"]}],
        }
        for name in ("a", "b")
    }
    document |= {"groups": {"quorum": {"components": ["api"], "bundles": ["a", "b"]}}} if grouped else {}
    home.write(document)
    assert home.apply().code == 0
    for name, generation in (("log", 1), ("broken", 2)):
        (tmp_path / name).write_text("")
        document["cas"]["main"]["generation"] = generation
    home.write(document)
    assert home.apply().code == 1
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ran
    rotations = home.call("plan", "--format", "json").json["rotations"]
    assert [(each["phase"], each["issues_clients"]) for each in rotations] == [("stage", 1)]


def test_machines_read_every_line(tmp_path: Path) -> None:
    """Phases and hooks are lines like the others: objects, when objects were asked for."""
    home = Home(path=tmp_path)
    document: dict[str, Any] = yaml.safe_load(text("api"))
    document["components"]["api"]["after"] = [{"exec": ["/bin/true"]}]
    home.write(document)
    assert home.apply().code == 0
    document["cas"]["main"] |= {"generation": 2, "rotation": {"soak": "0s"}}
    home.write(document)
    said = home.call("apply", "--auto-approve", "--log-format", "json")
    assert said.code == 0, said.log
    lines = [json.loads(line) for line in said.log.splitlines()]
    told = [line["@message"] for line in lines if line["type"] == "log"]
    assert {line["type"] for line in lines} == {"apply_start", "apply_complete", "log"}
    assert "ca.main: phase servers..." in told
    assert [line for line in told if line.startswith("component.api: Hook")]
