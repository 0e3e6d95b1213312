"""Options, their twins in the environment, and exit codes of a command line that cannot be understood."""

from __future__ import annotations

import pytest

from reconciler.cli.commands import parser_for
from reconciler.cli.invoke import run
from reconciler.cli.options import UsageError


@pytest.mark.parametrize(
    ("variable", "value", "attribute", "expected"),
    [
        ("CLUSTER_PKI_FILE", "x.yaml", "file", "x.yaml"),
        ("CLUSTER_PKI_STATE_DIR", "/s", "state_dir", "/s"),
        ("CLUSTER_PKI_DETAILED_EXITCODE", "true", "detailed_exitcode", True),
        ("CLUSTER_PKI_DETAILED_EXITCODE", "no", "detailed_exitcode", False),
        ("CLUSTER_PKI_TARGET", "ca.a,component.b", "target", ["ca.a", "component.b"]),
        ("CLUSTER_PKI_VERBOSE", "2", "verbose", 2),
        ("CLUSTER_PKI_FORMAT", "json", "format", "json"),
        ("CLUSTER_PKI_LOCK_TIMEOUT", "30s", "lock_timeout", 30.0),
    ],
)
def test_every_option_has_a_twin(variable: str, value: str, attribute: str, expected: object) -> None:
    """A CLUSTER_PKI_ variable is the default of its option, with the option's own type."""
    options = parser_for(["plan"], {variable: value}).parse_args(["plan"])
    assert getattr(options, attribute) == expected


def test_the_option_beats_its_twin() -> None:
    """What is typed wins over the environment."""
    options = parser_for(["plan"], {"CLUSTER_PKI_FILE": "a"}).parse_args(["plan", "-f", "b"])
    assert options.file == "b"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CLUSTER_PKI_STATEDIR", "/s", 'did you mean "CLUSTER_PKI_STATE_DIR"?'),
        ("CLUSTER_PKI_FORMAT", "xml", "is not one of"),
        ("CLUSTER_PKI_DETAILED_EXITCODE", "maybe", "neither true nor false"),
        ("CLUSTER_PKI_VERBOSE", "much", "is not a number"),
        ("CLUSTER_PKI_LOCK_TIMEOUT", "soon", "is not a duration"),
    ],
)
def test_a_wrong_variable_stops_the_program(variable: str, value: str, message: str) -> None:
    """A misspelled or malformed variable is an error, as a misspelled option is."""
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parser_for(["plan"], {variable: value})


def test_a_twin_of_another_command_is_no_mistake() -> None:
    """One environment may serve several commands."""
    assert parser_for(["status"], {"CLUSTER_PKI_DETAILED_EXITCODE": "1"}).parse_args(["status"]).command == "status"


@pytest.mark.parametrize("arguments", [["plan", "--no-such-option"], ["no-such-command"], [], ["plan", "--detailed"]])
def test_usage_errors_exit_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error is 64, never 2: 2 means that changes are pending; abbreviations are not understood."""
    with pytest.raises(SystemExit) as stop:
        run(arguments, {})
    assert stop.value.code == 64
    assert capsys.readouterr().out == ""


def test_a_usage_error_in_the_environment_exits_64(capsys: pytest.CaptureFixture[str]) -> None:
    """Mistakes in variables end like mistakes in options."""
    assert run(["plan"], {"CLUSTER_PKI_COLOUR": "never"}) == 64
    assert "CLUSTER_PKI_COLOR" in capsys.readouterr().err
