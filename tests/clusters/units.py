"""systemd units of a cluster set up by hand, in the several ways in which people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DIRECTORY: Final = "/etc/systemd/system"
_FRAME: Final = """\
[Unit]
Description={description}
Documentation=https://github.com/kubernetes/kubernetes

[Service]
{service}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def continued(program: str, flags: Mapping[str, str], *, before: str = "", after: str = "") -> str:
    """``--flag=value``, one a line, each line but the last continued with a backslash."""
    lines = [f"/usr/local/bin/{program}", *(f"--{name}={value}" if value else f"--{name}" for name, value in flags.items())]
    return _unit(program, before + "ExecStart=" + " \\\n  ".join([*lines, *([after] if after else [])]))


def quoted(program: str, flags: Mapping[str, str]) -> str:
    """``--flag "value"``: values apart from their flags and in quotes."""
    lines = [f"/usr/local/bin/{program}", *(f'--{name} "{value}"' for name, value in flags.items())]
    return _unit(program, "ExecStart=" + " \\\n  ".join(lines))


def by_environment(program: str, file: str) -> str:
    """Flags from a variable in an environment file."""
    return _unit(program, f"EnvironmentFile=-{file}\nExecStart=/usr/local/bin/{program} $ARGS")


def environment(flags: Mapping[str, str]) -> str:
    """The file for it."""
    return "# Flags of the program.\nARGS='" + " ".join(f"--{name}={value}" for name, value in flags.items()) + "'\n"


def etcd_environment(flags: Mapping[str, str]) -> str:
    """Flags of etcd as its variables."""
    return "".join(f'ETCD_{name.upper().replace("-", "_")}="{value}"\n' for name, value in flags.items())


def _unit(description: str, service: str) -> str:
    return _FRAME.format(description=description, service=service)
