"""Options that every command shares, their defaults and their twins in the environment."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NoReturn

from reconciler.cli.exit_codes import EPILOG, ExitCode

#: Variables that are not twins of an option.
OTHER_VARIABLES = frozenset({"CLUSTER_PKI_IN_AUTOMATION"})
#: What tests read; a program under test must not stumble over it.
TEST_PREFIXES = ("CLUSTER_PKI_TEST_", "CLUSTER_PKI_CRASHPOINTS")
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


class Repeatable(argparse._AppendAction):  # noqa: SLF001 - so that its twin is a list
    """An option that may be given several times; what is given replaces the default and its twin, as with any other option."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Takes one more value."""
        del parser, option_string
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*([] if before is self.default else before), values])


class UsageError(Exception):
    """The command line or environment cannot be understood; exit code 64."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors exit with EX_USAGE: 2 means "changes" here."""

    def error(self, message: str) -> NoReturn:
        """Ends with the usage line and exit code 64."""
        self.print_usage()
        self.exit(ExitCode.USAGE, f"{self.prog}: error: {message}\nRun {self.prog} --help for all options.\n")

    def print_usage(self, file: object = None) -> None:
        """Usage goes to stderr: stdout is for results."""
        del file
        import sys  # noqa: PLC0415 - only needed on this path

        sys.stderr.write(self.format_usage())


def new_parser(prog: str, description: str) -> Parser:
    """A parser in the house's form: no abbreviations, so that a new option never changes the meaning of an old call."""
    return Parser(
        prog=prog,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_common(
    parser: argparse.ArgumentParser,
    *,
    formats: tuple[str, ...] = ("text", "json"),
    log_formats: tuple[str, ...] = ("text", "json"),
) -> None:
    """Adds the options that stand on every command. The first of `formats` and of `log_formats` is the default."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("-f", "--file", default="cluster-pki.yaml", metavar="FILE", help="desired state (default %(default)s)")
    group.add_argument("--root", default="", metavar="DIR", help="put every absolute path below DIR: for trying out and images")
    group.add_argument("--node", default=None, metavar="NAME", help="only what lives on this node, and the CAs it needs")
    group.add_argument(
        "--state-dir", default=None, metavar="DIR", help="inventory, journal, lock (default /var/lib/cluster-pki/CLUSTER as root)"
    )
    _add_telling(group, formats, log_formats)


def add_telling(
    parser: argparse.ArgumentParser,
    *,
    formats: tuple[str, ...],
    log_formats: tuple[str, ...] = ("text", "json"),
) -> None:
    """Adds those of the shared options that a command without a desired state has: how it tells."""
    _add_telling(parser.add_argument_group("everywhere"), formats, log_formats)


def _add_telling(group: argparse._ArgumentGroup, formats: tuple[str, ...], log_formats: tuple[str, ...]) -> None:
    group.add_argument("--format", default=formats[0], choices=formats, help="output format (default %(default)s)")
    group.add_argument("--color", default="auto", choices=("auto", "always", "never"), help="colour (default %(default)s)")
    group.add_argument(
        "--log-format", default=log_formats[0], choices=log_formats, help="form of the log on stderr (default %(default)s)"
    )
    group.add_argument("-v", "--verbose", action="count", default=0, help="more log; twice for debug")


def with_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Takes defaults from ``CLUSTER_PKI_*`` twins: ``--state-dir`` from ``CLUSTER_PKI_STATE_DIR``.

    Lists are separated by commas, switches take true or false.

    Raises:
        UsageError: a value is not one of the choices, or not a switch's word.
    """
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of its options
        option = next((text for text in action.option_strings if text.startswith("--")), None)
        if option is None or option == "--help":
            continue
        variable = twin(option)
        if variable in environ:
            action.default = _from_text(action, variable, environ[variable])


def twin(option: str) -> str:
    """The environment variable of an option: ``--lock-timeout`` gives ``CLUSTER_PKI_LOCK_TIMEOUT``."""
    return "CLUSTER_PKI_" + option.removeprefix("--").replace("-", "_").upper()


def _from_text(action: argparse.Action, variable: str, text: str) -> object:
    if isinstance(action, argparse._StoreTrueAction):  # noqa: SLF001 - the only way to tell a switch
        word = text.lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            msg = f"{variable}={text!r} is neither true nor false"
            raise UsageError(msg)
        return word in TRUE_WORDS
    if isinstance(action, argparse._AppendAction):  # noqa: SLF001 - the only way to tell a list
        return [part for part in text.split(",") if part]
    if isinstance(action, argparse._CountAction):  # noqa: SLF001 - the only way to tell a counter
        if not text.isdigit():
            msg = f"{variable}={text!r} is not a number"
            raise UsageError(msg)
        return int(text)
    if action.choices is not None and text not in action.choices:
        msg = f"{variable}={text!r} is not one of {', '.join(map(str, action.choices))}"
        raise UsageError(msg)
    if callable(action.type):
        try:
            return action.type(text)
        except (ValueError, argparse.ArgumentTypeError) as error:
            msg = f"{variable}={text!r}: {error}"
            raise UsageError(msg) from error
    return text


def refuse_unknown_variables(environ: Mapping[str, str], known: frozenset[str]) -> None:
    """A misspelled option stops the program; so must a misspelled variable.

    Raises:
        UsageError: names the variable and the nearest known one.
    """
    for variable in sorted(environ):
        if not variable.startswith("CLUSTER_PKI_") or variable in known or variable in OTHER_VARIABLES:
            continue
        if variable.startswith(TEST_PREFIXES):
            continue
        import difflib  # noqa: PLC0415 - only to explain a mistake

        near = difflib.get_close_matches(variable, known | OTHER_VARIABLES, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        msg = f"unknown environment variable {variable}{hint}"
        raise UsageError(msg)
