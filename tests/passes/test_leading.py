"""Whose lease it is: those share it whom the lock of a state directory keeps apart, and nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.apply.state import StateDirectory
from reconciler.passes import leading
from reconciler.passes.leading import identity, lease_of, view_of
from reconciler.vault.election.leadership import ALONE
from tests.daemon.followed import text
from tests.passes.sessions import session


def test_an_identity_is_that_of_a_state_directory_under_one_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in every process, whatever it is called; a copy and another machine have their own."""
    state, copy, link = tmp_path / "state", tmp_path / "copy", tmp_path / "link"
    state.mkdir()
    mine = identity(StateDirectory(str(state)))
    code = f"from reconciler.passes.leading import *; print(identity(StateDirectory({str(state)!r})))"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    link.symlink_to(state)
    assert (elsewhere, identity(StateDirectory(str(link)))) == (mine, mine)
    shutil.copytree(state, copy)
    assert identity(StateDirectory(str(copy))) != mine
    (tmp_path / "boot_id").write_text("3f9f6d0e-another-kernel\n", encoding="ascii")
    monkeypatch.setattr(leading, "_BOOT_ID", str(tmp_path / "boot_id"))
    assert identity(StateDirectory(str(state))) != mine


def test_where_nothing_can_be_told_everybody_is_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word by chance, every time another."""
    monkeypatch.setattr(leading, "_BOOT_ID", str(tmp_path / "none"))
    state = StateDirectory(str(tmp_path))
    assert len({identity(state) for _ in range(10)}) == 10


def test_a_view_of_a_node_is_a_lease_of_its_own(tmp_path: Path) -> None:
    """The cluster's name, and the node's."""
    desired = session(tmp_path, text("a")).compiled.state
    assert (view_of(desired), view_of(replace(desired, node="cp-1"))) == ("run", "run[cp-1]")


def test_without_a_lock_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """Neither a client nor a thread."""
    opened = session(tmp_path, text("a"))
    assert lease_of(opened) is None
    with leading.leading(opened, timeout=0.0) as leadership:
        assert leadership is ALONE
    (tmp_path / "cluster-pki.yaml").write_text(text("a"), encoding="utf-8")
    places = ["-f", str(tmp_path / "cluster-pki.yaml"), "--root", str(tmp_path / "r"), "--state-dir", str(tmp_path / "s")]
    code = (
        "import sys; from reconciler.cli.main import main; "
        f"code = main(['apply', '--auto-approve', *{places!r}]); "
        "print(code, [name for name in sys.modules if name.startswith(('hvac', 'requests', 'reconciler.vault.c'))])"
    )
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.splitlines()[-1] == "0 []"
