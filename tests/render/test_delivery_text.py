"""What became of hooks, for people."""

from __future__ import annotations

from typing import Final

from reconciler.apply.delivery.round import Ran
from reconciler.apply.hooks.occasion import HookResult
from reconciler.plan.status_document import HookStatus
from reconciler.render.delivery_text import render_delivery

OK: Final = Ran(address="component.api", hook="systemd reload nginx.service", result=HookResult(status="ok"))
SKIPPED: Final = Ran(address="component.web", hook="signal HUP /run/x.pid", result=HookResult(status="skipped", detail="no such"))
FAILED: Final = Ran(address="bundle.trust", hook="exec reload", result=HookResult(status="failed", detail="it exited with 1"))
OWED: Final = HookStatus(
    address="bundle.trust", state="failing", hook="exec reload", detail="It exited with 1.", output="no such\nfile"
)


def test_every_hook_that_was_run_and_everybody_who_is_owed_some() -> None:
    """In order; what a program printed stands below it."""
    assert render_delivery([OK, SKIPPED, FAILED], [OWED]) == (
        "component.api: Hook systemd reload nginx.service: ok\n"
        "component.web: Hook signal HUP /run/x.pid: skipped: no such\n"
        "bundle.trust: Hook exec reload: failed: it exited with 1\n"
        "bundle.trust: Hooks still owed, at exec reload: It exited with 1.\n"
        "  | no such\n"
        "  | file\n"
    )


def test_nothing_was_run_and_nobody_is_owed() -> None:
    """Then nothing is said."""
    assert render_delivery([], []) == ""


def test_what_a_program_printed_moves_no_cursor() -> None:
    """Control characters are shown, in output, details and names."""
    nasty = HookStatus(address="component.a", state="failing", hook="exec \x1b[2J", detail="\x07", output="\x1b]0;x\x07\r\nok")
    ran = Ran(address="component.a", hook="exec \x1b[2J", result=HookResult(status="failed", detail="\x1b[1m"))
    text = render_delivery([ran], [nasty])
    assert [character for character in text if character != "\n" and not character.isprintable()] == []
