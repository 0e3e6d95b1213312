"""Kubeconfig files: written as ``kubectl config`` writes them, read by the meaning of their current context.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Its ``preferences`` are deprecated and not written.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import Final

from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.yaml_quoting import quoted
from reconciler.x509.yaml_tree import Tree, mapping_of, parse_tree, text_in

#: Plain scalars that YAML 1.1 and 1.2 read back as this very string: start with a letter, and are none of its words.
_PLAIN: Final = r"(?!(?i:true|false|yes|no|on|off|null|[yn])$)[A-Za-z](?:[A-Za-z0-9._@/:\[\]-]*[A-Za-z0-9/\]])?"
_DATA: Final = r"[A-Za-z0-9+/]+={0,2}"
_PATH: Final = r"/[A-Za-z0-9._/@-]*"
_IS_PLAIN: Final = re.compile(rf"(?:{_PLAIN}|{_PATH})\Z")
#: Exactly what `render` writes with plain names: ten thousand of them are read without a YAML parser.
_RENDERED: Final = re.compile(
    rf"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: (?P<ca>{_DATA})
    server: (?P<server>{_PLAIN})
  name: (?P<cluster>{_PLAIN})
contexts:
- context:
    cluster: (?P=cluster)
    user: (?P<user>{_PLAIN})
  name: (?P<context>{_PLAIN})
current-context: (?P=context)
kind: Config
users:
- name: (?P=user)
  user:
    client-certificate(?:-data: (?P<certificate>{_DATA})|: (?P<certificate_path>{_PATH}))
    client-key(?:-data: (?P<key>{_DATA})|: (?P<key_path>{_PATH}))
\Z""",
    re.MULTILINE,
)
_GENERATED: Final = {
    "": {"apiVersion", "clusters", "contexts", "current-context", "kind", "preferences", "users"},
    "cluster": {"certificate-authority-data", "server"},
    "context": {"cluster", "user"},
    "user": {"client-certificate-data", "client-key-data", "client-certificate", "client-key"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedKubeconfig:
    """What the current context of a kubeconfig means."""

    server: str
    ca_pem: bytes
    """Of certificate-authority-data; empty when there is none."""
    cluster_name: str
    user_name: str
    context: str
    certificate_pem: bytes = b""
    key_pem: bytes = field(default=b"", repr=False)
    """Embedded data; empty when there is none."""
    client_certificate_path: str = ""
    client_key_path: str = ""
    """File references; empty when data is embedded, which counts for more."""
    extras: tuple[str, ...] = ()
    """Everything that `render` would not write, by its place; sorted."""


def render(
    *,
    server: str,
    ca_pem: bytes,
    cluster_name: str,
    user_name: str,
    certificate: bytes | str,
    key: bytes | str,
) -> bytes:
    """The file, with the context ``<user>@<cluster>`` as kubeadm names it.

    Args:
        server: URL of the API server.
        ca_pem: the CA certificates that the client trusts.
        cluster_name: name of the cluster entry.
        user_name: name of the user entry.
        certificate: PEM to embed (bytes, leaf first), or a path to refer to (str).
        key: PEM to embed (bytes), or a path to refer to (str).
    """
    context = f"{user_name}@{cluster_name}"
    text = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {b64encode(ca_pem).decode()}
    server: {scalar(server)}
  name: {scalar(cluster_name)}
contexts:
- context:
    cluster: {scalar(cluster_name)}
    user: {scalar(user_name)}
  name: {scalar(context)}
current-context: {scalar(context)}
kind: Config
users:
- name: {scalar(user_name)}
  user:
    {_credential("client-certificate", certificate)}
    {_credential("client-key", key)}
"""
    return text.encode()


def parse(data: bytes) -> ParsedKubeconfig:
    """Reads the entries that the current context names.

    Raises:
        UnreadableError: not a kubeconfig, or one whose current context leads nowhere.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UnreadableError(Problem.UNPARSABLE, "the kubeconfig is not UTF-8") from None
    match = _RENDERED.match(text)
    if match is None:
        return _from_tree(parse_tree(text, what="kubeconfig"))
    found = match.groupdict(default="")
    return ParsedKubeconfig(
        server=found["server"],
        ca_pem=decoded(found["ca"], "certificate-authority-data"),
        cluster_name=found["cluster"],
        user_name=found["user"],
        context=found["context"],
        certificate_pem=decoded(found["certificate"], "client-certificate-data"),
        key_pem=decoded(found["key"], "client-key-data"),
        client_certificate_path=found["certificate_path"],
        client_key_path=found["key_path"],
    )


def scalar(value: str) -> str:
    """A text that YAML 1.1 and 1.2 read back as this very string."""
    return value if _IS_PLAIN.match(value) else quoted(value)


def _credential(name: str, value: bytes | str) -> str:
    if isinstance(value, str):
        return f"{name}: {scalar(value)}"
    return f"{name}-data: {b64encode(value).decode()}"


def decoded(text: str, name: str) -> bytes:
    """The bytes of a field in base64.

    Raises:
        UnreadableError: it is none.
    """
    try:
        return a2b_base64(text.encode(), strict_mode=True)
    except (Base64Error, ValueError):
        raise UnreadableError(Problem.UNPARSABLE, f"{name} is not base64") from None


def _from_tree(root: Tree) -> ParsedKubeconfig:
    """1. The current context; 2. the entries it names; 3. whatever else there is."""
    top = mapping_of(root, "the kubeconfig")
    current = text_in(top, "current-context")
    extras = [name for name, wanted in (("apiVersion", "v1"), ("kind", "Config")) if top.get(name) != wanted]
    extras += [name for name in top if name not in _GENERATED[""]]
    if top.get("preferences"):
        extras.append("preferences")

    context = _select(top, "contexts", "context", current, extras)
    cluster_name, user_name = text_in(context, "cluster"), text_in(context, "user")
    cluster = _select(top, "clusters", "cluster", cluster_name, extras)
    user = _select(top, "users", "user", user_name, extras)

    place = f"users[{_index(top, 'users', user_name)}].user"
    extras += [f"{place}.{name}" for name in ("client-certificate", "client-key") if f"{name}-data" in user and name in user]
    return ParsedKubeconfig(
        server=text_in(cluster, "server"),
        ca_pem=decoded(text_in(cluster, "certificate-authority-data"), "certificate-authority-data"),
        cluster_name=cluster_name,
        user_name=user_name,
        context=current,
        certificate_pem=decoded(text_in(user, "client-certificate-data"), "client-certificate-data"),
        key_pem=decoded(text_in(user, "client-key-data"), "client-key-data"),
        client_certificate_path="" if "client-certificate-data" in user else text_in(user, "client-certificate"),
        client_key_path="" if "client-key-data" in user else text_in(user, "client-key"),
        extras=tuple(sorted(set(extras))),
    )


def _select(top: dict[str, Tree], plural: str, kind: str, name: str, extras: list[str]) -> dict[str, Tree]:
    """The entry of that name (the first, as client-go takes it); everything beside it goes to the extras."""
    chosen = _index(top, plural, name)
    for index, entry in enumerate(_list(top, plural)):
        if index != chosen:
            extras.append(f"{plural}[{index}]")
            continue
        extras += [f"{plural}[{index}].{key}" for key in mapping_of(entry, plural) if key not in {"name", kind}]
    found = mapping_of(mapping_of(_list(top, plural)[chosen], plural).get(kind) or {}, kind)
    extras += [f"{plural}[{chosen}].{kind}.{key}" for key in found if key not in _GENERATED[kind]]
    return found


def _index(top: dict[str, Tree], plural: str, name: str) -> int:
    for index, entry in enumerate(_list(top, plural)):
        if mapping_of(entry, plural).get("name") == name:
            return index
    raise UnreadableError(Problem.UNPARSABLE, f"the current context needs an entry under {plural} that is not there")


def _list(top: dict[str, Tree], key: str) -> list[Tree]:
    value = top.get(key) or []
    if not isinstance(value, list):
        raise UnreadableError(Problem.WRONG_TYPE, f"{key} is not a list")
    return value
