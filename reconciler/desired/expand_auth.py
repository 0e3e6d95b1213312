"""How a connection logs in: each method with its own fields, and none of another's."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_kv import checked
from reconciler.desired.expand_stores import under
from reconciler.desired.report import Report
from reconciler.desired.spec_vault import AuthSpec
from reconciler.desired.vault import Auth, AuthMethod
from reconciler.desired.vault_paths import vault_path

#: Where a pod finds its token (Kubernetes, "Configure Service Accounts for Pods").
POD_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
#: The program refuses variables with this prefix that are not the twin of an option.
OURS: Final = "CLUSTER_PKI_"


class _Fields(msgspec.Struct, frozen=True, kw_only=True):
    """What a method takes, by the names of the document."""

    needs: tuple[tuple[str, ...], ...]
    """Of each group exactly one."""
    takes: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*(field for group in self.needs for field in group), *self.takes)


_METHODS: Final[dict[AuthMethod, _Fields]] = {
    "token": _Fields(needs=(("tokenFile", "tokenEnv"),)),
    "approle": _Fields(needs=(("roleIdFile", "roleIdEnv"), ("secretIdFile", "secretIdEnv")), takes=("mount",)),
    "kubernetes": _Fields(needs=(("role",), ("jwtFile",)), takes=("mount",)),
    "jwt": _Fields(needs=(("role",), ("jwtFile",)), takes=("mount",)),
    "cert": _Fields(needs=(("certificateFile",), ("keyFile",)), takes=("mount", "role")),
}


def complete_auth(spec: AuthSpec) -> AuthSpec:
    """The login with its defaults: each method is mounted under its name, and a pod has a token."""
    if spec.method == "token":
        return spec
    mount = spec.method if spec.mount is UNSET else spec.mount
    jwt_file = POD_TOKEN if spec.method == "kubernetes" and spec.jwt_file is UNSET else spec.jwt_file
    return msgspec.structs.replace(spec, mount=mount, jwt_file=jwt_file)


def auth(connection: str, spec: AuthSpec, root: str, report: Report) -> Auth | None:
    """How a connection logs in; None after a mistake.

    Args:
        connection: its name.
        spec: with its defaults.
        root: ``--root``, put before every file.
        report: takes the mistakes.
    """
    here: Path = ("connections", connection, "auth")
    written = {
        info.encode_name: value for info in msgspec.structs.fields(spec) if (value := getattr(spec, info.name)) is not UNSET
    }
    del written["method"]
    fields = _METHODS[spec.method]
    sound = True
    for field in written.keys() - set(fields.known):
        message = f"method {spec.method} has no `{field}`"
        report.add("CPK502", message, at=(*here, field), hint=f"it has {_listed(fields.known, 'and')}", key=True)
        sound = False
    for group in fields.needs:
        given = [field for field in group if field in written]
        if len(given) > 1:
            message = f"method {spec.method} takes {_listed(group, 'or')}, not both"
            report.add("CPK502", message, at=(*here, given[1]), hint="remove one of them", key=True)
            sound = False
        elif not given:
            message = f"method {spec.method} needs {_listed(group, 'or')}"
            report.add("CPK502", message, at=(*here, "method"), hint=f"add {_listed(group, 'or')}")
            sound = False
    for field, value in written.items():
        if field.endswith("Env") and value.startswith(OURS):
            message = f"a variable {value} would be taken for an option of this program"
            report.add("CPK502", message, at=(*here, field), hint=f"call it something that does not begin with {OURS}")
            sound = False
    if "mount" in written and "mount" in fields.known:
        sound &= checked(report, lambda text: vault_path(text, "mount"), written["mount"], (*here, "mount"))
    if not sound:
        return None
    values = {info.name: written[info.encode_name] for info in msgspec.structs.fields(spec) if info.encode_name in written}
    return Auth(
        method=spec.method,
        **{name: under(root, text) if name.endswith("_file") else text for name, text in values.items()},
    )


def _listed(fields: tuple[str, ...], word: str) -> str:
    quoted = [f"`{field}`" for field in fields]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
