"""The Dockerfile, read as far as our tests ask."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from tests.packaging.processes import REPOSITORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction, with continued lines joined."""

    stage: str
    """Name of the stage it belongs to; empty before the first."""
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its arguments: the JSON list of an exec form, otherwise as a shell splits them."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


def instructions() -> list[Instruction]:
    """The whole file."""
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    joined = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    stage, found = "", list[Instruction]()
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, text = line.partition(" ")
        if name == "FROM":
            stage = text.partition(" AS ")[2] or "unnamed"
        found.append(Instruction(stage=stage, name=name, text=text.strip()))
    return found


def lineage(stage: str) -> list[Instruction]:
    """The instructions of a stage and of the stages that it is built upon, in order."""
    found = [each for each in instructions() if each.stage == stage]
    base = found[0].words[0]
    return (lineage(base) if any(each.stage == base for each in instructions()) else []) + found


def last(stage: str, name: str) -> Instruction:
    """The instruction of a name that is in force at the end of a stage."""
    return [each for each in lineage(stage) if each.name == name][-1]


def variables(stage: str) -> dict[str, str]:
    """What ENV sets; values that refer to others stay as they are written."""
    pairs = [word.split("=", 1) for each in lineage(stage) if each.name == "ENV" for word in each.words]
    return {name: value for name, value in pairs}  # noqa: C416 - the pairs are lists
