"""A stand-in for the command line of Vault and OpenBao, for guides that are run as tests: the few commands that they show.

It says what it has to and nothing more; what it asks of the server is what the real one asks (its ``-output-curl-string``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.vault_server.api import Reply, Vault

Flags = Mapping[str, str]


def _call(method: str, path: str, body: Mapping[str, object] | None = None) -> Reply:
    vault = Vault(os.environ["BAO_ADDR"], os.environ["BAO_TOKEN"])
    reply = vault.call(method, path, body, namespace=os.environ.get("BAO_NAMESPACE", ""))
    if reply.status not in {200, 204}:
        sys.exit(f"Error: {method} {path}: {reply.status} {reply.raw.decode()}")
    return reply


def _show(data: Mapping[str, object], flags: Flags) -> None:
    if "field" in flags:
        sys.stdout.write(str(data[flags["field"]]))
    else:
        for name, value in data.items():
            sys.stdout.write(f"{name} {value if isinstance(value, str) else json.dumps(value)}\n")


def _pairs(words: list[str]) -> dict[str, object]:
    """``name=value``; ``-`` is what comes in."""
    pairs = (word.partition("=") for word in words)
    return {name: sys.stdin.read() if value == "-" else value for name, _, value in pairs}


def _enable(words: list[str], flags: Flags) -> None:
    (kind,) = words
    config = {"max_lease_ttl": flags["max-lease-ttl"]} if "max-lease-ttl" in flags else {}
    _call("POST", f"sys/mounts/{flags.get('path', kind)}", {"type": kind, "config": config})


def _enable_auth(words: list[str], flags: Flags) -> None:
    del flags
    _call("POST", f"sys/auth/{words[0]}", {"type": words[0]})


def _policy(words: list[str], flags: Flags) -> None:
    del flags
    name, source = words
    assert source == "-"
    _call("PUT", f"sys/policies/acl/{name}", {"policy": sys.stdin.read()})


def _write(words: list[str], flags: Flags) -> None:
    _show(_call("PUT", words[0], _pairs(words[1:])).data, flags)


def _read(words: list[str], flags: Flags) -> None:
    _show(_call("GET", words[0]).data, flags)


def _list(words: list[str], flags: Flags) -> None:
    data = _call("LIST", words[0]).data
    about = data.get("key_info") if "detailed" in flags else None
    keys = data["keys"]
    assert isinstance(keys, list)
    for key in keys:
        sys.stdout.write(f"{key} {json.dumps(about[key])}\n" if isinstance(about, dict) else f"{key}\n")


def _kv_list(words: list[str], flags: Flags) -> None:
    _list([f"{flags['mount']}/metadata/{words[0]}"], {})


def _kv_get(words: list[str], flags: Flags) -> None:
    _show(_secret(words[0], flags), flags)


def _kv_patch(words: list[str], flags: Flags) -> None:
    data = _secret(words[0], flags) | _pairs(words[1:])
    _call("POST", f"{flags['mount']}/data/{words[0]}", {"data": data})


def _kv_delete(words: list[str], flags: Flags) -> None:
    _call("DELETE", f"{flags['mount']}/data/{words[0]}")


def _kv_undelete(words: list[str], flags: Flags) -> None:
    versions = [int(each) for each in flags["versions"].split(",")]
    _call("PUT", f"{flags['mount']}/undelete/{words[0]}", {"versions": versions})


def _secret(path: str, flags: Flags) -> dict[str, object]:
    data = _call("GET", f"{flags['mount']}/data/{path}").data["data"]
    assert isinstance(data, dict)
    return data


_COMMANDS: Final[Mapping[tuple[str, ...], Callable[[list[str], Flags], None]]] = {
    ("secrets", "enable"): _enable,
    ("auth", "enable"): _enable_auth,
    ("policy", "write"): _policy,
    ("write",): _write,
    ("read",): _read,
    ("list",): _list,
    ("kv", "list"): _kv_list,
    ("kv", "get"): _kv_get,
    ("kv", "patch"): _kv_patch,
    ("kv", "delete"): _kv_delete,
    ("kv", "undelete"): _kv_undelete,
}


def main(arguments: list[str]) -> None:
    """Does what a command line says."""
    flags = {
        name: value for each in arguments if each.startswith("-") and each != "-" for name, _, value in [each[1:].partition("=")]
    }
    words = [each for each in arguments if not each.startswith("-") or each == "-"]
    length = 2 if tuple(words[:2]) in _COMMANDS else 1
    _COMMANDS[tuple(words[:length])](words[length:], flags)


if __name__ == "__main__":
    main(sys.argv[1:])
