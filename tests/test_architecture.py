"""The house keeps its shape: who may import whom, where reading and writing happen, how large a room may be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = REPOSITORY / "reconciler"
MODULES: Final = tuple(sorted(PACKAGE.rglob("*.py")))

#: Part of the house to the parts that it may import. Longer names win: `observed.model` is not `observed`.
MAY_IMPORT: Final[dict[str, frozenset[str]]] = {
    "x509": frozenset(),
    "desired": frozenset({"x509"}),
    "observed.model": frozenset({"x509"}),
    "plan": frozenset({"x509", "desired", "observed.model"}),
    "trust": frozenset({"x509", "desired", "observed.model", "plan"}),
    "cluster": frozenset({"x509", "observed.model"}),
    "health": frozenset({"x509", "desired", "observed.model", "cluster"}),
    "render": frozenset({"x509", "desired", "observed.model", "plan", "trust", "cluster", "health"}),
    "source": frozenset({"desired"}),
    "vault": frozenset({"desired"}),
    "stores": frozenset({"x509", "desired", "observed.model", "vault"}),
    "issuers": frozenset({"x509", "desired", "vault"}),
    "observed": frozenset({"x509", "desired", "observed.model", "stores", "issuers", "vault"}),
    "apply": frozenset({"x509", "desired", "observed.model", "observed", "plan", "stores", "issuers", "vault"}),
    "proof": frozenset({"x509", "desired", "stores", "trust"}),
    "discovery": frozenset({"x509", "observed.model", "observed", "cluster", "stores"}),
    "passes": frozenset(
        {"x509", "desired", "observed.model", "observed", "plan", "trust", "source", "stores", "issuers", "apply", "vault"}
    ),
    "adopting": frozenset(
        {
            *("x509", "desired", "observed.model", "observed", "plan", "source", "stores", "apply"),
            *("passes", "cluster", "health", "discovery"),
        }
    ),
    "daemon": frozenset(
        {
            *("x509", "desired", "observed.model", "observed", "plan", "render", "source", "stores", "issuers", "apply"),
            *("passes", "vault"),
        }
    ),
    "cli": frozenset(
        {
            *("x509", "desired", "observed.model", "observed", "plan", "render", "source", "stores", "issuers", "apply"),
            *("passes", "daemon", "trust", "proof", "vault", "cluster", "health", "discovery", "adopting"),
        }
    ),
    # The version, which stands above all.
    "": frozenset(),
}
#: Decisions and data: no I/O, and the time is an argument.
PURE: Final = ("x509", "desired", "observed.model", "plan", "trust", "cluster", "health", "render")
# fmt: off
#: Modules of the standard library through which a program reads, writes, waits, or asks for the time.
EDGES: Final = frozenset({
    "asyncio", "fcntl", "getpass", "glob", "grp", "http", "importlib.resources", "logging", "mmap",
    "multiprocessing", "os", "pathlib", "platform", "pwd", "random", "select", "shutil", "signal",
    "socket", "socketserver", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request",
})
# fmt: on
#: What may not be called where the time is an argument.
CLOCKS: Final = frozenset({"now", "utcnow", "today", "fromtimestamp", "time", "time_ns", "monotonic"})
LONGEST: Final = 400


def part_of(module: str) -> str:
    """The part of the house that a module belongs to: the longest known prefix."""
    known = [part for part in MAY_IMPORT if part and (module == part or module.startswith(f"{part}."))]
    return max(known, key=len, default="")


def name_of(path: Path) -> str:
    """``x509.names`` for reconciler/x509/names.py; a package's own file has the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at the top or inside a function; names are absolute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield str(node.module)
            # `from reconciler.observed import model` imports a module, too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def shown(paths: Iterator[Path]) -> list[str]:
    """Paths for a failure's message."""
    return sorted(str(path.relative_to(REPOSITORY)) for path in paths)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    """Values flow from left to right through the house; nothing reaches back."""
    home = part_of(name_of(path))
    ours = {part_of(name.removeprefix("reconciler.")) for name in imports(path) if name.startswith("reconciler.")}
    assert ours - {home, ""} <= MAY_IMPORT[home]


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(name_of(path)) in PURE], ids=name_of)
def test_decisions_do_no_io_and_ask_no_clock(path: Path) -> None:
    """The pure parts of the house import no edge and never ask for the time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    opened = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "open"]
    clocks = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert (sorted(EDGES.intersection(imports(path))), opened, clocks) == ([], [], [])


def test_every_part_of_the_house_is_known() -> None:
    """A new package needs a row in the table above."""
    assert {name_of(path).partition(".")[0] for path in MODULES} - {part.partition(".")[0] for part in MAY_IMPORT} == set()


def test_rooms_are_small_enough_to_live_in() -> None:
    """No module is longer than 400 lines."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert [name for name, length in lengths.items() if length > LONGEST] == []


def test_every_moment_has_a_time_zone() -> None:
    """A naive datetime is wrong on some machine: none is made anywhere."""
    naive = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and makes_naive_datetime(node)
    ]
    assert naive == []


def makes_naive_datetime(call: ast.Call) -> bool:
    """Whether a call makes a datetime without saying which time zone."""
    name, options = ast.unparse(call.func), {keyword.arg for keyword in call.keywords}
    if name.endswith((".utcnow", ".utcfromtimestamp", "datetime.today")):
        return True
    if name.endswith(("datetime.now", "datetime.fromtimestamp")):
        return not options & {"tz"} and len(call.args) < (1 if name.endswith("now") else 2)
    if name.endswith("datetime.strptime"):
        return True
    return name in {"datetime", "datetime.datetime"} and "tzinfo" not in options and len(call.args) < 8


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    """``cluster-pki rule CODE`` explains each code that the program can print."""
    sources = [path for path in MODULES if path.name != "rules.py"]
    used = {code for path in sources for code in re.findall(r"\bCPK[0-9]{3}\b", path.read_text(encoding="utf-8"))}
    pages = {path.stem for path in (REPOSITORY / "docs" / "rules").glob("CPK*.md")}
    assert used - pages == set()
    registry = set(re.findall(r"\bCPK[0-9]{3}\b", (PACKAGE / "desired" / "rules.py").read_text(encoding="utf-8")))
    assert registry == pages


def run(*command: str) -> str:
    """Runs Python code or the program; returns what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLUSTER_PKI_", "COV_"))}
    kept["COLUMNS"] = "80"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=REPOSITORY, env=kept)
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY: Final = ("hvac", "watchdog", "jsonschema", "cryptography", "yaml", "msgspec", "tabulate", "argparse", "dataclasses")


def test_version_starts_like_bare_python() -> None:
    """``cluster-pki version`` imports nothing heavy, not even from the standard library."""
    code = (
        "import sys; from reconciler.cli.main import main; code = main(['version']); "
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code).splitlines()[-1] == "0 []"


#: What a plan of files alone does without: to talk to servers, to sign, to watch, and to validate.
UNNEEDED: Final = (
    *("hvac", "requests", "urllib3", "http.client", "watchdog", "jsonschema", "concurrent.futures", "logging"),
    *("reconciler.vault.client", "reconciler.vault.clients", "reconciler.vault.engines.pki", "reconciler.vault.engines.transit"),
    *(
        "reconciler.vault.engines.kv",
        "reconciler.stores.vault_kv",
        "reconciler.issuers",
        "reconciler.x509.build",
        "reconciler.x509.csr",
    ),
)


def test_planning_imports_only_what_it_needs(tmp_path: Path) -> None:
    """A plan of a valid document without connections: every module costs each start of the program its time."""
    code = (
        "import sys; from reconciler.cli.main import main; "
        f"code = main(['plan', '-f', 'cluster-pki.example.yaml', '--root', {str(tmp_path)!r}]); "
        f"print(); print(code, [name for name in {UNNEEDED!r} if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code).splitlines()[-1] == "0 []"


def test_the_readme_shows_the_real_help() -> None:
    """The block in README is what ``cluster-pki --help`` prints."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```console\n\$ cluster-pki --help\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    assert block[1] == run(sys.executable, "-m", "reconciler.cli.main", "--help")
