"""Units are reloaded through systemctl; what is meant to be down stays down. systemd itself is played by a script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import SystemdHook
from tests.apply.hooks.occasions import PATH, run_here, script

HOOK = SystemdHook(unit="nginx.service", action="reload")
ASKED = "--no-ask-password is-active -- nginx.service"
ACTED = "--no-ask-password reload -- nginx.service"


class Systemd:
    """A ``systemctl`` on a PATH of its own, which writes down how it is called."""

    def __init__(self, home: Path, text: str) -> None:
        self.log = home / "log"
        script(home / "systemctl", f'echo "$*" >> {self.log}\n{text}')
        self.environ = {"PATH": f"{home}:{PATH}"}

    @property
    def calls(self) -> list[str]:
        """The arguments of each call."""
        return self.log.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("text", "result", "calls"),
    [
        ("", HookResult(status="ok"), [ASKED, ACTED]),
        (
            "echo inactive; exit 3",
            HookResult(status="skipped", detail="nginx.service is not running (inactive)"),
            [ASKED],
        ),
        ("exit 4", HookResult(status="skipped", detail="nginx.service is not running (inactive)"), [ASKED]),
        (
            "echo activating; exit 3",
            HookResult(status="failed", detail="nginx.service is activating just now; tried again when it is up"),
            [ASKED],
        ),
        (
            "echo Failed to connect to bus; exit 1",
            HookResult(status="failed", detail="it exited with status 1", output="Failed to connect to bus"),
            [ASKED],
        ),
        (
            '[ "$2" = is-active ] || { echo Job failed >&2; exit 1; }',
            HookResult(status="failed", detail="it exited with status 1", output="Job failed"),
            [ASKED, ACTED],
        ),
    ],
    ids=["active", "inactive", "unknown", "starting", "no systemd", "job fails"],
)
def test_a_unit(tmp_path: Path, text: str, result: HookResult, calls: list[str]) -> None:
    """First it is asked whether the unit runs, then it is told."""
    systemd = Systemd(tmp_path, text)
    assert (run_here(HOOK, environ=systemd.environ), systemd.calls) == (result, calls)


def test_whether_it_runs_or_not(tmp_path: Path) -> None:
    """With onlyIfRunning false nobody is asked."""
    systemd = Systemd(tmp_path, "exit 0")
    hook = SystemdHook(unit="-odd.service", action="try-restart", only_if_running=False)
    assert run_here(hook, environ=systemd.environ) == HookResult(status="ok")
    assert systemd.calls == ["--no-ask-password try-restart -- -odd.service"]


def test_a_reload_that_hangs(tmp_path: Path) -> None:
    """The timeout of the hook holds for systemctl, too."""
    systemd = Systemd(tmp_path, '[ "$2" = is-active ] || sleep 60')
    hook = SystemdHook(unit="nginx.service", action="reload", timeout=timedelta(seconds=1))
    result = run_here(hook, environ=systemd.environ)
    assert result == HookResult(
        status="failed", detail="it did not end within 1s and was killed; make it quicker, or raise its timeout"
    )


def test_no_systemd_here(tmp_path: Path) -> None:
    """A container has none: that is said with what to do."""
    result = run_here(HOOK, environ={"PATH": str(tmp_path)})
    hint = "run where systemd is, or use an exec, signal or http hook"
    assert result == HookResult(status="failed", detail=f"there is no systemctl on PATH ({tmp_path}); {hint}")


def test_a_systemctl_that_cannot_run(tmp_path: Path) -> None:
    """A broken program is a failed hook, not a crash."""
    (tmp_path / "systemctl").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "systemctl").chmod(0o755)
    result = run_here(HOOK, environ={"PATH": str(tmp_path)})
    assert result == HookResult(status="failed", detail=f"{tmp_path}/systemctl cannot be started: exec format error")
