"""A program is run without a shell, told what changed, and costs a bounded time and memory whatever it does."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.apply.hooks import process
from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import ExecHook
from tests.apply.hooks.occasions import OCCASION, PATH, run_here, script

SHORT = timedelta(milliseconds=300)


def sh(text: str, *arguments: str, timeout: timedelta = timedelta(seconds=30)) -> ExecHook:
    """A hook that runs a line of shell."""
    return ExecHook(argv=("/bin/sh", "-c", text, *arguments), timeout=timeout)


def test_no_shell_is_between() -> None:
    """Arguments arrive as they were written, whatever a shell would make of them."""
    result = run_here(ExecHook(argv=("printf", "%s\n", "$HOME", "a b;c", "*", "")))
    assert result == HookResult(status="ok", output="$HOME\na b;c\n*")


def test_the_environment_is_ours_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program gets four variables of ours and what changed, and nothing that we hold besides."""
    monkeypatch.setenv("SECRET_TOKEN", "from the real environment")
    environ = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "LC_ALL": "", "CLUSTER_PKI_EVENTS_WEBHOOK": "https://t@x"}
    result = run_here(ExecHook(argv=("env",)), environ=environ)
    assert sorted(result.output.splitlines()) == [
        "HOME=/root",
        "LANG=C.UTF-8",
        f"PATH={PATH}",
        "PKI_ADDRESS=component.api[cp-1]",
        "PKI_CERTIFICATE=/pki/api.crt",
        "PKI_CLUSTER=demo",
        f"PKI_FINGERPRINT={OCCASION.fingerprint}",
        "PKI_KEY=/pki/api.key",
        "PKI_NAME=api",
        "PKI_NODE=cp-1",
        "PKI_NOT_AFTER=2026-12-01T08:30:00Z",
        "PKI_REASONS=RenewalDue,SanMismatch",
        "PKI_SERIAL=1f6a",
    ]


def test_without_a_path_of_our_own() -> None:
    """A container may start us without any variable; programs are found all the same."""
    assert run_here(ExecHook(argv=("true",)), environ={}) == HookResult(status="ok")


@pytest.fixture
def typed_ahead() -> Iterator[None]:
    """Somebody types on our standard input."""
    ours, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"typed\n")
    os.dup2(reading, 0)
    yield
    os.dup2(ours, 0)
    for descriptor in (ours, reading, writing):
        os.close(descriptor)


@pytest.mark.usefixtures("typed_ahead")
def test_the_child_stands_on_its_own(tmp_path: Path) -> None:
    """It has a session, no input, the usual umask, and none of our open files."""
    before = os.umask(0o077)
    try:
        with (tmp_path / "open").open("w", encoding="utf-8") as ours:
            os.set_inheritable(ours.fileno(), True)
            # No pipe: while the shell makes one it has one more descriptor.
            text = 'umask; pwd; read x || echo no input; ls /proc/$$/fd; cut -d" " -f6 /proc/$$/stat; echo $$'
            lines = run_here(sh(text)).output.splitlines()
    finally:
        os.umask(before)
    *said, session, process = lines
    assert (said, session == process) == (["0022", "/", "no input", "0", "1", "2"], True)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("echo broken >&2; exit 3", "it exited with status 3"),
        ("echo broken; kill -TERM $$", "it was killed by SIGTERM"),
        ("echo broken; kill -KILL $$", "it was killed by SIGKILL; the kernel's log says whether memory ran out"),
    ],
)
def test_failures(text: str, detail: str) -> None:
    """Whatever it printed, on either stream, stands with the reason."""
    assert run_here(sh(text)) == HookResult(status="failed", detail=detail, output="broken")


def test_what_cannot_be_started(tmp_path: Path) -> None:
    """Each way not to start has its own words, with the way out."""
    plain = tmp_path / "plain"
    plain.write_text("echo hello\n", encoding="utf-8")
    lost = tmp_path / "lost"
    lost.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    lost.chmod(0o755)
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x7fELF nonsense")
    bad.chmod(0o755)
    details = [run_here(ExecHook(argv=argv)).detail for argv in (("no-such",), ("/no/such",), (str(plain),), (str(lost),))]
    assert details == [
        f"there is no program no-such on PATH ({PATH}); write its full path",
        "there is no /no/such; correct the path",
        f"{plain} is not executable for us; set its mode (chmod +x), or check who may read its directory",
        f"{lost} cannot be started: the interpreter that its first line names is not there",
    ]
    assert run_here(ExecHook(argv=(str(bad),))) == HookResult(
        status="failed",
        detail=f"{bad} is neither a binary of this machine nor a script; begin it with a line such as #!/bin/sh",
    )
    assert run_here(ExecHook(argv=("/bin/true", "a\0b"))).detail == "/bin/true cannot be started: its arguments are not usable"


def test_a_program_that_hangs_goes_with_all_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its timeout the whole session is ended: first asked, then killed."""
    monkeypatch.setattr(process, "GRACE", 0.5)
    text = f'trap "echo asked >> {tmp_path}/log" TERM; (trap "" TERM; sleep 60) & echo $! > {tmp_path}/child; '
    result = run_here(sh(text + "while :; do sleep 0.05; done", timeout=SHORT))
    assert (result.status, result.detail.partition(" and was killed")[0]) == ("failed", "it did not end within 0s")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "asked\n"
    assert _is_gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_a_grandchild_that_keeps_the_pipe(tmp_path: Path) -> None:
    """What is left running in the background, as a service is, neither holds us up nor is ended."""
    pid = tmp_path / "pid"
    began = time.monotonic()
    result = run_here(sh(f"sleep 60 & echo $! > {pid}; echo started"))
    elapsed = time.monotonic() - began
    left = int(pid.read_text(encoding="utf-8"))
    try:
        os.kill(left, 0)
        assert (result, elapsed < 20) == (HookResult(status="ok", output="started"), True)
    finally:
        os.kill(left, signal.SIGKILL)


def test_endless_output_fills_nothing() -> None:
    """A program that prints without end is cut off by its timeout, and a few kilobytes stay."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = run_here(sh("yes 0123456789abcdef", timeout=timedelta(seconds=1)))
    assert (result.status, len(result.output) <= 4096, result.output[-16:]) == ("failed", True, "0123456789abcdef")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_the_end_of_the_output_stays() -> None:
    """The last lines say what went wrong."""
    result = run_here(sh("seq 1 100000; echo the error; exit 1"))
    assert (result.output.splitlines()[-2:], len(result.output) <= 4096) == (["100000", "the error"], True)


def test_asked_to_stop_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that would run for an hour does not keep the reconciler from ending; it is owed again."""
    monkeypatch.setattr(process, "STOPPING", 0.3)
    asked = iter([False, False])
    result = run_here(sh("echo begun; sleep 3600", timeout=timedelta(hours=1)), stop=lambda: next(asked, True))
    assert result == HookResult(
        status="failed", detail="it was ended because the reconciler stops; it is run again", output="begun"
    )


def test_an_old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without descriptors for processes the end is noticed by asking."""

    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert run_here(sh("echo one; sleep 0.1; echo two")) == HookResult(status="ok", output="one\ntwo")


def test_an_interrupt_leaves_nobody_behind(tmp_path: Path) -> None:
    """Ctrl-C while a program runs ends the program, too."""

    def interrupt() -> bool:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(encoding="utf-8"):
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        run_here(sh(f"echo $$ > {tmp_path}/pid; sleep 60"), stop=interrupt)
    assert _is_gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def test_a_script_is_run_by_its_path(tmp_path: Path) -> None:
    """A script of one's own is the usual hook."""
    assert run_here(ExecHook(argv=(script(tmp_path / "hook", 'echo "$1 $PKI_SERIAL"'), "now"))).output == "now 1f6a"


def _is_gone(pid: int) -> bool:
    """Whether a process ends within a few seconds; one that waits for its parent to hear of it has ended."""
    for _ in range(200):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False
