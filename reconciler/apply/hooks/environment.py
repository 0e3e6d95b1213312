"""The environment of a hook's program: little of ours, and what happened in ``PKI_*``. Decisions.

The prefix is not our own ``CLUSTER_PKI_``: a hook that calls this program would hand it options that nobody gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.apply.hooks.occasion import Occasion

#: Everything else of ours stays here: a daemon's environment may hold the token of a webhook.
KEPT: Final = ("PATH", "LANG", "LC_ALL", "HOME")
#: As a login shell of root has it; a container may start us without any.
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What every program gets that we start.

    Args:
        environ: our own environment.
    """
    return {"PATH": PATH} | {name: environ[name] for name in KEPT if environ.get(name)}


def hook_environment(occasion: Occasion, environ: Mapping[str, str]) -> dict[str, str]:
    """What a hook's program gets: where the files are, never what is in them. What does not apply is not set.

    Args:
        occasion: what it is run for.
        environ: our own environment.
    """
    facts = {
        "PKI_ADDRESS": occasion.address,
        "PKI_CLUSTER": occasion.cluster,
        "PKI_NAME": occasion.name,
        "PKI_NODE": occasion.node or "",
        "PKI_SERIAL": occasion.serial,
        "PKI_FINGERPRINT": occasion.fingerprint,
        "PKI_NOT_AFTER": f"{occasion.not_after:%Y-%m-%dT%H:%M:%SZ}" if occasion.not_after else "",
        "PKI_REASONS": ",".join(occasion.reasons),
    }
    paths = {f"PKI_{kind.upper()}": path for kind, path in occasion.paths.items()}
    return base_environment(environ) | {name: value for name, value in (facts | paths).items() if value}
