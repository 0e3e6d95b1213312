"""The guide to a rotation is true: every line of output in it is printed by the walk that it describes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.plan.rotation.phase import PHASES, Phase
from tests.inprocess import Home, Said

GUIDE: Final = (Path(__file__).resolve().parents[1] / "docs/rotate-a-ca.md").read_text(encoding="utf-8")
CLUSTER, OFFICE = re.findall(r"^```yaml\n(apiVersion.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
LINES: Final = [
    line
    for block in re.findall(r"^```console\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line
]
STABLE: Final = CLUSTER.replace(", generation: 2}", "}")


class Walk:
    """What the commands of the guide print, one after the other."""

    def __init__(self, home: Path) -> None:
        """Nothing is there yet."""
        home.mkdir()
        self.home = Home(path=home)
        self.said: list[str] = []

    def ask(self, document: str) -> None:
        """What somebody commits."""
        self.home.write(document)

    def run(self, command: str, *options: str, code: int = 0) -> Said:
        """One command, as in the guide."""
        more = ("--auto-approve",) if command == "apply" else ()
        said = self.home.call(command, *options, *more)
        assert said.code == code, said.out + said.log
        self.said += [" ".join(("$ cluster-pki", command, *[each for each in options if each not in {"cp-1", "--node"}]))]
        self.said += [*said.out.splitlines(), *said.log.splitlines()]
        return said


def there_and_back(home: Path) -> Walk:
    """The CA etcd, with a further number in the middle of it, a hold, and the way back."""
    walk = Walk(home)
    walk.ask(STABLE)
    walk.run("apply")
    walk.ask(CLUSTER)
    walk.run("verify", "--every-phase")
    for command in ("plan", "apply", "apply"):
        walk.run(command)
    walk.ask(CLUSTER.replace("generation: 2}", "generation: 3}"))
    walk.run("plan", code=1)
    walk.ask(CLUSTER.replace("generation: 2}", "generation: 2, rotation: {soak: 0s, hold: distrust}}"))
    walk.run("apply")
    walk.ask(CLUSTER.replace("generation: 2}", "generation: 2, rotation: {soak: 0s}}"))
    for command in ("apply", "plan"):
        walk.run(command)
    walk.ask(STABLE)
    walk.run("apply")
    return walk


def service_accounts(home: Path) -> Walk:
    """The key of service accounts."""
    walk = Walk(home)
    for document in (STABLE, f"{STABLE}keypairs: {{sa: {{generation: 2}}}}\n"):
        walk.ask(document)
        walk.run("apply")
    walk.run("apply")
    return walk


def one_node(home: Path) -> Walk:
    """A node's own view, with its CAs on the node."""
    walk = Walk(home)
    stable = STABLE.partition("stores:")[0]
    for document in (stable, stable + "cas: {etcd: {generation: 2}}\n"):
        walk.ask(document)
        walk.run("apply", "--node", "cp-1")
    walk.run("apply", "--node", "cp-1")
    return walk


def a_root(home: Path) -> Walk:
    """A root with an intermediate."""
    walk = Walk(home)
    for document in (OFFICE.replace(", generation: 2", ""), OFFICE):
        walk.ask(document)
        walk.run("apply")
    return walk


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Walk]]:
    """All of them."""
    home = tmp_path_factory.mktemp("guide")
    yield {walk.__name__: walk(home / walk.__name__) for walk in (there_and_back, service_accounts, one_node, a_root)}
    shutil.rmtree(home)


def test_every_line_of_output_is_printed(walks: dict[str, Walk]) -> None:
    """Commands and output, up to what differs each time."""
    printed = "\n".join(line.strip() for walk in walks.values() for line in walk.said)
    untrue = [line for line in LINES if not re.search(f"^{re.escape(line.strip()).replace('…', '.*')}", printed, re.MULTILINE)]
    assert untrue == []


def test_the_files_lie_where_it_says(walks: dict[str, Walk]) -> None:
    """The table of files names them as they are; the way back has begun, so that both generations are there."""
    table = GUIDE.partition("## Where generations lie")[2]
    rows = [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table.splitlines() if row.startswith("| `/")]
    paths = [str(Path(first).parent / each) if "/" not in each else each for first, *rest in rows for each in (first, *rest)]
    homes = [walks[name].home.path for name in ("there_and_back", "service_accounts")]
    assert len(paths) == 8
    assert [path for path in paths if not any((home / path.lstrip("/")).exists() for home in homes)] == []


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.STABLE])
def test_the_tables_are_those_of_the_program(phase: Phase) -> None:
    """What ends a phase, and what a lower number does in it, in the program's own words."""
    row, (forwards, back) = PHASES[phase], [line for line in GUIDE.splitlines() if line.startswith(f"| `{phase}` |")]
    who = {"source": "old", "target": "new"}
    trusted = " and ".join(who[side] for side in row.trusted)
    assert forwards == f"| `{phase}` | {trusted} | {who[row.clients]} | {who[row.servers]} | {row.left_when} |"
    assert back == f"| `{phase}` | {row.back} |"
