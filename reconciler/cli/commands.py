"""The registry of commands at work: modules, and the parser that the arguments need."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from reconciler.cli.options import Parser, new_parser, refuse_unknown_variables, twin, with_environment
from reconciler.cli.registry import COMMANDS

PROGRAM = "cluster-pki"
DESCRIPTION = (
    "A declarative PKI reconciler: git says what the certificates should be, cluster-pki shows the difference as a plan "
    "and makes it so."
)


class CommandModule(Protocol):
    """What a module of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's options."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Does the work; returns the exit code."""
        ...


def load(command: str) -> CommandModule:
    """Imports the module of a command."""
    return cast("CommandModule", importlib.import_module(f"reconciler.cli.{command}"))


def parser_for(arguments: Sequence[str], environ: Mapping[str, str]) -> Parser:
    """The parser for these arguments: the named command's alone, so that no other module is imported; else all of them.

    Raises:
        UsageError: a variable in the environment cannot be understood.
    """
    parser = new_parser(PROGRAM, DESCRIPTION)
    parser.add_argument("--version", action="version", version="%(prog)s", help="print the version")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog=PROGRAM, required=True, parser_class=Parser
    )
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    for name, description in COMMANDS.items():
        if wanted in COMMANDS and name != wanted:
            continue
        command = commands.add_parser(
            name,
            help=description,
            description=f"{description[0].upper()}{description[1:]}.",
            epilog=parser.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == wanted:
            load(name).add_arguments(command)
            with_environment(command, environ)
            if not _twins(command) >= {variable for variable in environ if variable.startswith("CLUSTER_PKI_")}:
                refuse_unknown_variables(environ, _all_twins())
    return parser


def _twins(parser: argparse.ArgumentParser) -> frozenset[str]:
    options = (text for action in parser._actions for text in action.option_strings)  # noqa: SLF001 - no public list
    return frozenset(twin(option) for option in options if option.startswith("--") and option != "--help")


def _all_twins() -> frozenset[str]:
    """The twins of every command's options: a variable for another command is not a mistake."""
    twins: set[str] = set()
    for name in COMMANDS:
        parser = Parser(add_help=False)
        load(name).add_arguments(parser)
        twins |= _twins(parser)
    return frozenset(twins)
