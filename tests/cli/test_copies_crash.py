"""A node dies while it fetches, at each change of its disk: its pair is the old one or the new one, and the next run finishes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from reconciler.x509.keys import read_key_facts
from reconciler.x509.read import read_certificates
from tests.cli.fetching import Fleet
from tests.vault_server.api import Vault
from tests.vault_server.server import vault_server

#: What changes a disk.
CALLS: Final = ("rename", "replace", "symlink", "link", "unlink", "mkdir", "rmdir", "fsync", "chmod", "fchmod")
DIED, DONE = 9, 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_dying_at_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one of the two files is ever without the other."""
    with vault_server() as server:
        fleet = Fleet(vault=Vault(server.address, server.root_token, scripted=server), folder=tmp_path, monkeypatch=monkeypatch)
        fleet.central("apply", "--auto-approve")
        fleet.node("w-1", "apply", "--auto-approve")
        old = pair(fleet)
        fleet.change('dns: ["{node}.example.com"]', 'dns: ["{node}.example.net"]')
        fleet.central("apply", "--auto-approve")
        agent = fleet.secret("nodes/w-1/etc/agent/tls")
        new = (str(agent["certificate"]).encode(), str(agent["private_key"]).encode())
        home, before = fleet.homes["w-1"].path, tmp_path / "before"
        shutil.copytree(home, before, symlinks=True)
        seen: set[tuple[bytes, bytes]] = set()
        for number in range(1, 500):
            shutil.rmtree(home)
            shutil.copytree(before, home, symlinks=True)
            ended = die_at(number, partial(fleet.node, "w-1", "apply", "--auto-approve"))
            found = pair(fleet)
            assert found in {old, new}, f"after change {number}"
            seen.add(found)
            if ended == DONE:
                break
            fleet.node("w-1", "apply", "--auto-approve")
            assert pair(fleet) == new, f"after change {number}"
        assert (ended, seen, pair(fleet)) == (DONE, {old, new}, new)


def pair(fleet: Fleet) -> tuple[bytes, bytes]:
    """The files of the node's agent, which belong together."""
    files = fleet.files("w-1")
    certificate, key = files["etc/agent/tls.crt"], files["etc/agent/tls.key"]
    assert read_certificates(certificate)[0].facts.spki_sha256 == read_key_facts(key).spki_sha256
    return certificate, key


def die_at(number: int, act: Callable[[], object]) -> int:
    """Does something in a child that ends, without any cleaning up, before its so manieth change of the disk."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = number

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def counting(*arguments: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if not left:
                os._exit(DIED)
            return call(*arguments, **named)

        return counting

    try:
        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        act()
        os._exit(DONE)
    finally:
        os._exit(1)
