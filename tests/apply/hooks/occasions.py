"""An occasion, and hooks run on it as the reconciler runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.apply.hooks.registry import run
from reconciler.desired.live import AnyHook

OCCASION: Final = Occasion(
    address="component.api[cp-1]",
    cluster="demo",
    name="api",
    node="cp-1",
    paths={"certificate": "/pki/api.crt", "key": "/pki/api.key"},
    serial="1f6a",
    fingerprint="ab" * 32,
    not_after=datetime(2026, 12, 1, 8, 30, tzinfo=UTC),
    reasons=("RenewalDue", "SanMismatch"),
)
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run_here(
    hook: AnyHook,
    *,
    occasion: Occasion = OCCASION,
    environ: Mapping[str, str] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> HookResult:
    """The result of a hook."""
    return run(hook, occasion, environ={"PATH": PATH} if environ is None else environ, monotonic=time.monotonic, stop=stop)


def script(path: Path, text: str) -> str:
    """An executable shell script; its path."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)
