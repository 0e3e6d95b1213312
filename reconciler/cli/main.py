"""Entry point.

Nothing is imported here that bare Python has not imported already: ``cluster-pki version`` starts like ``python -c pass``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # known to type checkers; importing typing would cost a tenth of the start
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        The exit code, see `reconciler.cli.exit_codes`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["version"], ["--version"]):
        from reconciler.cli.version import text  # noqa: PLC0415 - the fast way out, before argparse

        sys.stdout.write(text())
        return 0
    from reconciler.cli.invoke import run  # noqa: PLC0415 - only when there is something to parse

    return run(arguments, dict(os.environ))


if __name__ == "__main__":
    raise SystemExit(main())
