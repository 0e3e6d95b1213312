"""What is shipped works: the wheel, the sdist and an editable install, from another directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PROJECT: Final = ("reconciler", "schemas", "docs", "pyproject.toml", "README.md", "LICENSE", "cluster-pki.example.yaml")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is under version control, so that nothing is built inside the repository."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in PROJECT:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def shipped(checkout: Path) -> dict[str, Path]:
    """The wheel and the sdist."""
    run(sys.executable, "-m", "hatchling", "build", "--directory", "dist", cwd=checkout)
    (wheel,) = (checkout / "dist").glob("*.whl")
    (sdist,) = (checkout / "dist").glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Runs a command in a clean environment; returns its output, and fails with it when it ends otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLUSTER_PKI_", "PYTHON", "COV_"))}
    done = subprocess.run(list(command), cwd=cwd, env=kept, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == expect, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def shipped_data() -> set[str]:
    """Schemas and rule pages, by their names inside the package."""
    schemas = {f"reconciler/schemas/{path.name}" for path in (REPOSITORY / "schemas").glob("*.json")}
    pages = {f"reconciler/rules/{path.name}" for path in (REPOSITORY / "docs" / "rules").glob("*.md")}
    assert schemas
    assert pages
    return schemas | pages


def new_environment(directory: Path) -> Path:
    """An empty virtual environment; returns its directory of programs."""
    venv.create(directory, with_pip=True, symlinks=True)
    return directory / "bin"


def test_the_wheel_carries_schemas_and_rule_pages(shipped: dict[str, Path]) -> None:
    """The program reads both at run time, from wherever it is installed; the types are marked for checkers."""
    names = set(zipfile.ZipFile(shipped["wheel"]).namelist())
    assert shipped_data() - names == set()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_sdist_carries_everything_once(shipped: dict[str, Path]) -> None:
    """Both the directories that people read and the links to them through which the package reads, as files."""
    with tarfile.open(shipped["sdist"]) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert len(names) == len(set(names))
    read_by_people = {
        name.replace("reconciler/rules/", "docs/rules/").replace("reconciler/schemas/", "schemas/") for name in shipped_data()
    }
    assert (shipped_data() | read_by_people) - set(names) == set()


def test_the_wheel_of_the_sdist_is_the_same(shipped: dict[str, Path], tmp_path: Path) -> None:
    """A distribution that builds from the sdist gets what we ship."""
    run("tar", "-xzf", str(shipped["sdist"]), cwd=tmp_path)  # tarfile's safe extraction came with Python 3.11.4
    (unpacked,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist", cwd=unpacked)
    (wheel,) = (unpacked / "dist").glob("*.whl")
    assert sorted(zipfile.ZipFile(wheel).namelist()) == sorted(zipfile.ZipFile(shipped["wheel"]).namelist())


def test_an_installed_wheel_runs_the_example_from_anywhere(shipped: dict[str, Path], tmp_path: Path) -> None:
    """In an empty environment and another directory: validate, plan, apply, and then nothing is left to do."""
    programs = new_environment(tmp_path / "environment")
    run(programs / "python", "-m", "pip", "install", "--quiet", shipped["wheel"], cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(REPOSITORY / "cluster-pki.example.yaml", elsewhere / "cluster-pki.yaml")
    program = programs / "cluster-pki"
    run(program, "validate", cwd=elsewhere)
    run(program, "schema", "desired", cwd=elsewhere)
    run(program, "rule", next(iter(sorted(path.stem for path in (REPOSITORY / "docs" / "rules").glob("CPK*.md")))), cwd=elsewhere)
    run(program, "plan", "--root", "here", "--detailed-exitcode", cwd=elsewhere, expect=2)
    run(program, "apply", "--root", "here", "--auto-approve", cwd=elsewhere)
    run(program, "plan", "--root", "here", "--detailed-exitcode", cwd=elsewhere)


def test_an_editable_install_finds_its_data(checkout: Path, tmp_path: Path) -> None:
    """Schemas and pages are found through the links of the checkout; dependencies come from the running environment."""
    programs = new_environment(tmp_path / "environment")
    run(programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--editable", checkout, cwd=tmp_path)
    (site,) = (tmp_path / "environment" / "lib").glob("python3*/site-packages")
    ours = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    program = programs / "cluster-pki"
    assert '"cluster-pki' in run(program, "schema", "desired", cwd=tmp_path)
    assert run(program, "rule", "CPK203", cwd=tmp_path)
    located = run(programs / "python", "-c", "import reconciler; print(reconciler.__file__)", cwd=tmp_path)
    assert Path(located.strip()).is_relative_to(checkout)
