"""``requests new NAME``: a key that stays with whoever runs this, a request for it, its entry, and a kubeconfig."""

from __future__ import annotations

import argparse
import os
import posixpath
import re
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import UNSET

from reconciler.cli.clock import wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError
from reconciler.cli.requests.clients import Endpoint, contents, endpoint
from reconciler.cli.requests.editing import checked, editable, text_of, uneditable, write
from reconciler.cli.requests.rows import specs_of
from reconciler.cli.session import print_result
from reconciler.desired.load import Loaded, load
from reconciler.desired.request_edits import UneditableError, with_entry
from reconciler.desired.signers import DEFAULT_CA
from reconciler.desired.spec_parts import NAME_PATTERN
from reconciler.desired.spec_requests import RequestSpec
from reconciler.desired.unusable import quoted
from reconciler.source.directory import DirectorySource
from reconciler.stores.disk import DISK
from reconciler.stores.errors import StoreError
from reconciler.stores.read import must_read
from reconciler.stores.single import rewrite_file
from reconciler.x509.build import new_serial
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import UnreadableError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.kubeconfig_entries import Contents, parse_entries, user_fields
from reconciler.x509.kubeconfig_merge import merge
from reconciler.x509.names import Subject
from reconciler.x509.outputs import fullchain
from reconciler.x509.profile import Request
from reconciler.x509.read import read_certificates

_OUT_DIR: Final = "requests"
_KEY: Final = "ecdsa-p256"
_USAGE: Final = "client auth"
_KINDS: Final = ("dns:", "ip:", "uri:", "email:")


def run(arguments: argparse.Namespace) -> int:
    """1. make all of it in memory; 2. check that policy lets it be asked for; 3. write: the key first, all of it or nothing."""
    source, name = editable(arguments), arguments.name
    if not re.fullmatch(NAME_PATTERN, name):
        msg = f"{quoted(name)} is not a name: use lower-case letters, digits and hyphens, at most 63"
        raise UsageError(msg)
    before = load(source)
    if name in specs_of(before):
        msg = f"there is a request {name} already; choose another name, or remove the entry first"
        raise UsageError(msg)
    config = os.path.abspath(arguments.kubeconfig or os.path.expanduser(f"~/.kube/{name}.conf"))
    key_path = os.path.join(os.path.dirname(config), f"{name}.key")
    csr_name = _csr_name(arguments)
    for path in (key_path, source.shown(csr_name)):
        if os.path.lexists(path):
            raise StoreError(path, "it is there already, and is not overwritten", "choose another name, or move it away")

    ca = _ca(arguments, before)
    key = PrivateKey.generate(_key_type(arguments))
    csr = _csr(arguments, key)
    spec = RequestSpec(
        csr=csr_name,
        ca=ca,
        usages=[_USAGE],
        lifetime=arguments.lifetime or UNSET,
    )
    file, _ = before.merged.origin(("requests", name))
    text, mark = text_of(source, file)
    try:
        data = mark + with_entry(text, name, _fields(spec)).encode()
    except UneditableError as error:
        raise uneditable(source, file.name, error) from None
    state = checked(arguments, source, before, {file.name: data, csr_name: csr}, {name: spec})
    where = _where(arguments, endpoint(arguments, state, ca, DISK))
    entries = contents(
        name,
        where,
        user_fields(f"{name}.crt", f"{name}.key"),
        ca_file=f"{where.cluster}-ca.crt",
        namespace=arguments.namespace or "",
    )
    config_before = must_read(config) if os.path.exists(config) else b""
    config_data = _merged(config, config_before, entries)

    with ExitStack() as undo:
        _make_directory(os.path.dirname(config), 0o700)
        _write_new(key_path, key.pem(), 0o600, undo)
        _make_directory(os.path.dirname(source.shown(csr_name)), 0o755)
        _write_new(source.shown(csr_name), csr, 0o644, undo)
        _rewrite(config, config_data, config_before, undo)
        write(source, file.name, data, mark + text.encode())
        undo.pop_all()
    print_result(_told(name, source, file.name, csr_name, key_path=key_path, config=config, where=where))
    return ExitCode.SUCCESS


def _csr_name(arguments: argparse.Namespace) -> str:
    """The request's file, relative to the main file."""
    directory = posixpath.normpath(arguments.out_dir or _OUT_DIR)
    if directory.startswith(("/", "..")):
        msg = f"--out-dir {arguments.out_dir}: requests lie beside or below the main file, where a commit has them"
        raise UsageError(msg)
    return posixpath.normpath(f"{directory}/{arguments.name}.csr")


def _ca(arguments: argparse.Namespace, before: Loaded) -> str:
    """The CA that signs: as asked for, else Kubernetes' own, else the only one."""
    if arguments.ca is not None:
        return str(arguments.ca)
    written = [] if before.document.cas is UNSET else [name for name, spec in before.document.cas.items() if spec is not None]
    if before.document.kubernetes is not UNSET or DEFAULT_CA in written:
        return DEFAULT_CA
    if len(written) == 1:
        return written[0]
    msg = f"there are several CAs: add --ca {', or --ca '.join(written)}" if written else "there is no CA that could sign"
    raise UsageError(msg)


def _key_type(arguments: argparse.Namespace) -> KeyAlgorithm:
    known = [each.value for each in KeyAlgorithm]
    wanted = arguments.key or _KEY
    if wanted not in known:
        msg = f"--key {wanted} is not one of {', '.join(known)}"
        raise UsageError(msg)
    return KeyAlgorithm(wanted)


def _csr(arguments: argparse.Namespace, key: PrivateKey) -> bytes:
    wrong = [san for san in arguments.san if not san.startswith(_KINDS)]
    if wrong:
        msg = f"--san {wrong[0]}: write {', '.join(_KINDS)} and the name"
        raise UsageError(msg)
    now = wall_clock()
    request = Request(
        subject=Subject(common_name=arguments.name, organizations=tuple(dict.fromkeys(arguments.group))),
        sans=tuple(arguments.san),
        usages=(_USAGE,),
        not_before=now,
        not_after=now,
        serial=new_serial(),
    )
    try:
        return signing_request(request, key).pem.encode()
    except ValueError as error:
        msg = f"this cannot be asked for: {error}"
        raise UsageError(msg) from None


def _fields(spec: RequestSpec) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {"csr": spec.csr, "ca": str(spec.ca), "usages": [_USAGE]}
    if spec.lifetime is not UNSET:
        fields["lifetime"] = spec.lifetime
    return fields


def _where(arguments: argparse.Namespace, found: Endpoint) -> Endpoint:
    """The API server, with the CAs that a person has given."""
    if arguments.ca_file is None:
        return found
    certificates = read_certificates(must_read(os.path.abspath(arguments.ca_file)))
    return msgspec.structs.replace(found, ca_pem=fullchain(certificates))


def _merged(path: str, data: bytes, entries: Contents) -> bytes:
    """The kubeconfig with the new entries; what is there stays.

    Raises:
        StoreError: it is no kubeconfig, or has entries of these names.
    """
    try:
        found = parse_entries(data)
        taken = [
            f"{section.removesuffix('s')} {name}"
            for section, there in (("contexts", found.contexts), ("users", found.users))
            for name in entries.sections[section]
            if name in there
        ]
        ((cluster, fields),) = entries.sections["clusters"].items()
        there = found.clusters.get(cluster)
        if there is not None and there.server != fields["server"]:
            taken.append(f"cluster {cluster} with another server")
        if taken:
            raise StoreError(path, f"it has a {taken[0]} already", "take it out, or name another file with --kubeconfig")
        if there is not None:  # it knows how to verify its server
            entries = replace(entries, sections={**entries.sections, "clusters": {}})
        return merge(data, entries, {})
    except UnreadableError as error:
        raise StoreError(path, str(error), "name another file with --kubeconfig") from None


def _make_directory(path: str, mode: int) -> None:
    try:
        if not os.path.isdir(path or "."):
            os.makedirs(path)
            os.chmod(path, mode)
    except OSError as error:
        raise _unwritable(path, error) from None


def _write_new(path: str, data: bytes, mode: int, undo: ExitStack) -> None:
    """Writes a file that must not be there yet; it goes again when what follows fails.

    Raises:
        StoreError: it is there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        raise _unwritable(path, error) from None
    undo.callback(os.unlink, path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from None


def _rewrite(path: str, data: bytes, before: bytes, undo: ExitStack) -> None:
    """Writes a file that may be there; it is as it was when what follows fails."""
    there = os.path.exists(path)
    rewrite_file(path, data, before, mode=0o600)
    undo.callback(lambda: rewrite_file(path, before, data, mode=0o600) if there else os.unlink(path))


def _unwritable(path: str, error: OSError) -> StoreError:
    return StoreError(path, error.strerror or "it cannot be written", errno=error.errno or 0)


def _told(
    name: str, source: DirectorySource, entry_in: str, csr_name: str, *, key_path: str, config: str, where: Endpoint
) -> str:
    """What was made, and who does what next."""
    made = [
        (key_path, "the private key: it stays here, and nobody else ever needs it"),
        (source.shown(csr_name), "the request"),
        (source.shown(entry_in), f"its entry, requests.{name}, pending"),
        (config, f"a kubeconfig with the context {name}@{where.cluster}"),
    ]
    width = max(len(path) for path, _ in made)
    directory = os.path.dirname(key_path)
    todo = [
        f"Commit {source.shown(csr_name)} and {source.shown(entry_in)}, and open a pull request.",
        f"A reviewer looks at it (cluster-pki requests show {name}), approves it (cluster-pki requests approve {name}), merges.",
        f"Once it is applied: cluster-pki requests get {name} > {os.path.join(directory, f'{name}.crt')}",
    ]
    if not where.ca_pem:
        todo.append(f"Put the certificate of the API server's CA into {os.path.join(directory, f'{where.cluster}-ca.crt')}.")
    todo.append(f"kubectl --kubeconfig {config} --context {name}@{where.cluster} auth whoami")
    lines = ["Made:", *(f"  {path:<{width}}  {what}" for path, what in made), "", "Next:"]
    lines += [f"  {number}. {line}" for number, line in enumerate(todo, 1)]
    if os.path.realpath(directory).startswith(os.path.realpath(os.path.dirname(source.shown(entry_in)) or ".")):
        lines += ["", f"The key lies beside the desired state. Keep {key_path} out of git."]
    return "\n".join(lines) + "\n"
