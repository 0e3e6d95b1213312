"""Environment files, as EnvironmentFile= of systemd.exec(5) reads them: kubeadm-flags.env, /etc/default/kubelet, etcd.env."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.cluster.documents import Settings
from reconciler.cluster.words import logical_lines

_NAME: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*", re.ASCII)
_PART: Final = re.compile(r"""'([^']*)'?|"((?:[^"\\]|\\.)*)"?|\\(.)|([^'"\\]+|\\)""", re.DOTALL)
_DOUBLE: Final = re.compile(r'\\(["\\`$])')
_ETCD: Final = "ETCD_"


def parse_environment(text: str) -> dict[str, str]:
    """Variables by name; the last assignment counts. Lines that assign nothing are skipped, as systemd does."""
    found: dict[str, str] = {}
    for line in logical_lines(text):
        match = _NAME.match(line)
        if match is not None:
            found[match[1]] = _unquoted(line[match.end() :])
    return found


def etcd_settings(environment: Mapping[str, str]) -> Settings:
    """``ETCD_CERT_FILE=x`` as the flag ``cert-file`` (etcd's pkg/flags: upper case, ``-`` as ``_``); empty ones do not count."""
    return {
        name.removeprefix(_ETCD).lower().replace("_", "-"): (value,)
        for name, value in environment.items()
        if name.startswith(_ETCD) and name != _ETCD and value
    }


def _unquoted(value: str) -> str:
    return "".join(_part(match) for match in _PART.finditer(value)).strip()


def _part(match: re.Match[str]) -> str:
    single, double, escaped, plain = match.groups()
    if double is not None:
        return _DOUBLE.sub(r"\1", double)
    return single or escaped or plain or ""
