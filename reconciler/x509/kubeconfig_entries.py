"""The entries of a kubeconfig one by one: written, and read by their names. Files that several share are in `kubeconfig_merge`.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. A name given twice is refused, as client-go refuses it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.kubeconfig import ParsedKubeconfig, decoded, scalar
from reconciler.x509.yaml_quoting import quoted
from reconciler.x509.yaml_tree import Tree, mapping_of, parse_tree, text_in

#: The lists of a kubeconfig, in kubectl's order, with the key of what each item holds beside its name.
SECTIONS: Final[Mapping[str, str]] = {"clusters": "cluster", "contexts": "context", "users": "user"}

_GENERATED: Final[Mapping[str, frozenset[str]]] = {
    "clusters": frozenset({"certificate-authority-data", "server"}),
    "contexts": frozenset({"cluster", "namespace", "user"}),
    "users": frozenset({"client-certificate-data", "client-key-data", "client-certificate", "client-key"}),
}
_TOP: Final = frozenset({"apiVersion", "clusters", "contexts", "current-context", "kind", "preferences", "users"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is to be written: the fields of each entry, by section and name, in order."""

    sections: Mapping[str, Mapping[str, Mapping[str, str]]] = field(repr=False)
    """A user's fields may hold a key."""
    current: str
    """The current context; empty to leave what is there, where something is."""
    otherwise: str = ""
    """The current context of a file that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCluster:
    """A cluster entry."""

    server: str
    ca_pem: bytes
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedUser:
    """A user entry."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    certificate_path: str
    key_path: str
    """File references; empty when data is embedded, which counts for more."""
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedContext:
    """A context."""

    cluster: str
    user: str
    namespace: str
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntries:
    """A kubeconfig by its entries; `extras` are the places of what `render_entries` would not write."""

    clusters: Mapping[str, ParsedCluster]
    users: Mapping[str, ParsedUser]
    contexts: Mapping[str, ParsedContext]
    current: str
    extras: tuple[str, ...]
    """Of the file itself."""


def cluster_fields(server: str, ca_pem: bytes) -> dict[str, str]:
    """The fields of a cluster entry."""
    return {"certificate-authority-data": b64encode(ca_pem).decode(), "server": server}


def user_fields(certificate: bytes | str, key: bytes | str) -> dict[str, str]:
    """The fields of a user entry: PEM to embed (bytes), or paths to refer to (str)."""
    fields = {}
    for name, value in (("client-certificate", certificate), ("client-key", key)):
        if isinstance(value, bytes):
            fields[f"{name}-data"] = b64encode(value).decode()
        else:
            fields[name] = value
    return fields


def context_fields(cluster: str, user: str, namespace: str) -> dict[str, str]:
    """The fields of a context."""
    return {"cluster": cluster, **({"namespace": namespace} if namespace else {}), "user": user}


def render_entries(contents: Contents) -> bytes:
    """A file of its own, in the form of `kubeconfig.render`."""
    lines = ["apiVersion: v1"]
    for section in ("clusters", "contexts"):
        lines += _section_lines(section, contents)
    lines += [f"current-context: {scalar(contents.current or contents.otherwise)}", "kind: Config"]
    lines += _section_lines("users", contents)
    return "".join(f"{line}\n" for line in lines).encode()


def item_lines(section: str, name: str, fields: Mapping[str, str]) -> list[str]:
    """One entry as kubectl writes it: a user's name comes first, because keys are sorted."""
    kind = SECTIONS[section]
    inner = [f"{kind}:", *(f"  {key}: {_value(key, value)}" for key, value in fields.items())]
    named = f"name: {scalar(name)}"
    first, *rest = [named, *inner] if section == "users" else [*inner, named]
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _value(key: str, value: str) -> str:
    """Base64 stands without quotes, as kubectl has it."""
    return value if value and key.endswith("-data") else scalar(value)


def item_flow(section: str, name: str, fields: Mapping[str, str]) -> str:
    """One entry in braces: JSON, which is YAML too."""
    inner = ", ".join(f'"{key}": {quoted(value)}' for key, value in fields.items())
    return f'{{"name": {quoted(name)}, "{SECTIONS[section]}": {{{inner}}}}}'


def item_tree(section: str, name: str, fields: Mapping[str, str]) -> Tree:
    """One entry as a reader sees it."""
    return {"name": name, SECTIONS[section]: dict(fields)}


def _section_lines(section: str, contents: Contents) -> Iterator[str]:
    yield f"{section}:"
    for name, fields in contents.sections[section].items():
        yield from item_lines(section, name, fields)


def parse_entries(data: bytes) -> ParsedEntries:
    """Reads every entry.

    Raises:
        UnreadableError: it is not a kubeconfig, or one that client-go refuses.
    """
    top = top_of(data)
    held = {section: dict(named_items(top, section)) for section in SECTIONS}
    extras = [key for key in top if key not in _TOP] + (["preferences"] if top.get("preferences") else [])
    return ParsedEntries(
        clusters={name: _cluster(name, item) for name, item in held["clusters"].items()},
        users={name: _user(name, item) for name, item in held["users"].items()},
        contexts={name: _context(name, item) for name, item in held["contexts"].items()},
        current=text_in(top, "current-context"),
        extras=tuple(sorted(extras)),
    )


def through(data: bytes, cluster: str, user: str) -> ParsedKubeconfig:
    """The file as somebody sees it who uses one cluster and one user of it; a cluster that is not there says nothing.

    Raises:
        UnreadableError: it is not a kubeconfig, or has no such user.
    """
    parsed = parse_entries(data)
    server, identity = parsed.clusters.get(cluster), parsed.users.get(user)
    if identity is None:
        raise UnreadableError(Problem.UNPARSABLE, f'it has no user "{user}"')
    return ParsedKubeconfig(
        server=server.server if server is not None else "",
        ca_pem=server.ca_pem if server is not None else b"",
        cluster_name=cluster,
        user_name=user,
        context=parsed.current,
        certificate_pem=identity.certificate_pem,
        key_pem=identity.key_pem,
        client_certificate_path=identity.certificate_path,
        client_key_path=identity.key_path,
    )


def certificates_in(data: bytes) -> Iterator[bytes]:
    """The embedded certificate of each user.

    Raises:
        UnreadableError: it is not a kubeconfig.
    """
    yield from (user.certificate_pem for user in parse_entries(data).users.values() if user.certificate_pem)


def top_of(data: bytes) -> dict[str, Tree]:
    """The top of a kubeconfig; a file without anything in it is one without entries.

    Raises:
        UnreadableError: it is no kubeconfig.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UnreadableError(Problem.UNPARSABLE, "the kubeconfig is not UTF-8") from None
    try:
        return mapping_of(parse_tree(text, what="kubeconfig"), "the kubeconfig")
    except UnreadableError as error:
        if error.problem is Problem.EMPTY:
            return {}
        raise


def named_items(top: Mapping[str, Tree], section: str) -> Iterator[tuple[str, dict[str, Tree]]]:
    """The items of a section with their names.

    Raises:
        UnreadableError: it is no list of named items, or a name is given twice.
    """
    items = top.get(section) or []
    if not isinstance(items, list):
        raise UnreadableError(Problem.WRONG_TYPE, f"{section} is not a list")
    seen: set[str] = set()
    for item in items:
        mapping = mapping_of(item, f"an item of {section}")
        name = text_in(mapping, "name")
        if name in seen:
            raise UnreadableError(Problem.UNPARSABLE, f"{section} holds one name twice, which kubectl refuses")
        seen.add(name)
        yield name, mapping


def _cluster(name: str, item: dict[str, Tree]) -> ParsedCluster:
    fields, extras = _fields("clusters", name, item)
    data = text_in(fields, "certificate-authority-data")
    return ParsedCluster(server=text_in(fields, "server"), ca_pem=decoded(data, "certificate-authority-data"), extras=extras)


def _user(name: str, item: dict[str, Tree]) -> ParsedUser:
    fields, extras = _fields("users", name, item)
    twice = [key for key in ("client-certificate", "client-key") if f"{key}-data" in fields and key in fields]
    return ParsedUser(
        certificate_pem=decoded(text_in(fields, "client-certificate-data"), "client-certificate-data"),
        key_pem=decoded(text_in(fields, "client-key-data"), "client-key-data"),
        certificate_path="" if "client-certificate-data" in fields else text_in(fields, "client-certificate"),
        key_path="" if "client-key-data" in fields else text_in(fields, "client-key"),
        extras=tuple(sorted((*extras, *(f"users[{name}].user.{key}" for key in twice)))),
    )


def _context(name: str, item: dict[str, Tree]) -> ParsedContext:
    fields, extras = _fields("contexts", name, item)
    cluster, user, namespace = (text_in(fields, key) for key in ("cluster", "user", "namespace"))
    return ParsedContext(cluster=cluster, user=user, namespace=namespace, extras=extras)


def _fields(section: str, name: str, item: dict[str, Tree]) -> tuple[dict[str, Tree], tuple[str, ...]]:
    """What an item holds, and the places of what we would not write."""
    kind = SECTIONS[section]
    fields = mapping_of(item.get(kind) or {}, kind)
    place = f"{section}[{name}]"
    extras = [f"{place}.{key}" for key in item if key not in {"name", kind}]
    extras += [f"{place}.{kind}.{key}" for key in fields if key not in _GENERATED[section]]
    return fields, tuple(sorted(extras))
