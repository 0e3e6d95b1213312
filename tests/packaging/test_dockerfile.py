"""The image, as far as it can be judged without an engine that builds it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.dockerfile import instructions, last, lineage, variables
from tests.packaging.health import answering, ask
from tests.packaging.processes import REPOSITORY, run

#: What `docker build .` gives, and what `--target slim` gives.
IMAGES: Final = ("sidecar", "slim")
each_image: Final = pytest.mark.parametrize("image", IMAGES)


def copied() -> set[str]:
    """What the build takes from the checkout."""
    copies = [each.words[:-1] for each in instructions() if each.name == "COPY" and not each.text.startswith("--from")]
    return {source.removeprefix("./") for sources in copies for source in sources}


def test_the_last_stage_has_everything() -> None:
    """Without a target the image is the one that can follow git and verify signatures."""
    assert instructions()[-1].stage == "sidecar"
    installed = next(each for each in lineage("sidecar") if each.name == "RUN" and "apt-get" in each.text)
    assert {"git", "gpg", "openssh-client", "--no-install-recommends"} <= set(installed.words)


@each_image
def test_the_program_is_pid_one_and_nobody_special(image: str) -> None:
    """No shell stands between the engine and the program, and the user is neither root nor a name that has to be looked up."""
    assert last(image, "ENTRYPOINT").text == '["cluster-pki"]'
    assert last(image, "STOPSIGNAL").words == ["SIGTERM"]
    assert last(image, "USER").words == ["10001:10001"]


@each_image
def test_nothing_is_written_beside_the_program(image: str) -> None:
    """Python writes no bytecode, and the records have a place that the user owns."""
    env = variables(image)
    assert (env["PYTHONDONTWRITEBYTECODE"], env["XDG_STATE_HOME"]) == ("1", "/var/lib")
    made = next(each for each in lineage(image) if each.name == "RUN" and "useradd" in each.text)
    assert "install -d -o 10001 -g 10001 -m 0700 /var/lib/cluster-pki" in made.text


def test_the_base_is_pinned() -> None:
    """Every stage begins with an image of a full version, or with a stage of our own."""
    (base,) = (each.text.partition("=")[2] for each in instructions() if each.name == "ARG")
    stages = {each.stage for each in instructions()}
    assert {each.words[0] for each in instructions() if each.name == "FROM"} - stages == {"${PYTHON_IMAGE}"}
    assert base.partition(":")[2].partition("-")[0].count(".") == 2


def test_the_build_gets_what_it_copies() -> None:
    """The ignore file lets through exactly what the build takes."""
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == copied()
    assert "*" in lines


def test_what_is_copied_is_enough_for_the_wheel(tmp_path: Path) -> None:
    """The wheel builds from those files alone."""
    for name in copied():
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "wheels", cwd=tmp_path)
    assert len(list((tmp_path / "wheels").glob("cluster_pki-*.whl"))) == 1


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_says_what_the_server_says(status: int, code: int) -> None:
    """The command of HEALTHCHECK asks on loopback, whatever proxy the environment names."""
    command = last("sidecar", "HEALTHCHECK").text.partition("CMD ")[2]
    asked = list[str]()
    with answering(status, asked) as port:
        assert ask(json.loads(command), port=port) == code
    assert asked == ["/healthz"]
