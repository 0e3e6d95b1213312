"""``cluster-pki version``."""

from __future__ import annotations

from reconciler import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def text() -> str:
    """The version as a line."""
    return f"cluster-pki {__version__}\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--format``."""
    parser.add_argument("--format", default="text", choices=("text", "json"), help="output format (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Prints the version."""
    if arguments.format == "text":
        print(text(), end="")
    else:
        print(f'{{"version":"{__version__}","plan_format":"1.0","api_version":"cluster-pki/v1"}}')
    return 0
