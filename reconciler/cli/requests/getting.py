"""``requests get NAME``: what was signed, as PEM, as the Kubernetes object that asked for it, or in a kubeconfig."""

from __future__ import annotations

import argparse
import sys

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError
from reconciler.cli.requests.clients import contents, endpoint
from reconciler.cli.requests.showing import spec_of
from reconciler.cli.session import open_session, print_result
from reconciler.desired.model import OUTPUT_SUFFIX, Component, address_of
from reconciler.stores.errors import StoreError
from reconciler.stores.store import Store, read_from
from reconciler.x509.kubeconfig_entries import render_entries, user_fields
from reconciler.x509.outputs import fullchain
from reconciler.x509.read import Certificate, read_certificates


def run(arguments: argparse.Namespace) -> int:
    """Prints the certificate of a request."""
    session, name = open_session(arguments), arguments.name
    spec_of(session.loaded, name)
    state = session.compiled.state
    requested = state.requests[address_of("request", name)]
    component = state.components.get(requested.address)
    if component is None or component.place is None:
        why = f": {requested.reason}" if requested.reason else ""
        elsewhere = requested.approval == "approved"
        said = "signed in another view" if elsewhere else f"{requested.approval}{why}"
        sys.stderr.write(f"Error: request.{name} is {said}. Nothing here is signed for it.\n")
        return ExitCode.ERROR
    store = session.outside().store
    chain = _signed(component, store)
    match arguments.format:
        case "yaml":
            if "answer" not in component.outputs:
                msg = f"request.{name} did not come as a Kubernetes object; --format pem has its certificate"
                raise UsageError(msg)
            print_result(read_from(store, component.place.file(OUTPUT_SUFFIX["answer"])).decode())
        case "kubeconfig":
            where = endpoint(arguments, state, requested.ca, store)
            user = user_fields(fullchain(chain), f"{name}.key")
            entries = contents(
                requested.facts.subject.common_name,
                where,
                user,
                ca_file=f"{where.cluster}-ca.crt",
                namespace=arguments.namespace or "",
            )
            print_result(render_entries(entries).decode())
        case _:
            print_result(fullchain(chain).decode())
    return ExitCode.SUCCESS


def _signed(component: Component, store: Store) -> tuple[Certificate, ...]:
    """The certificate, which is for the key of the request as it is now.

    Raises:
        StoreError: it is not signed yet, or for an earlier request.
        UnreadableError: its file cannot be used.
    """
    path = component.place.file(".crt") if component.place else ""
    chain = read_certificates(read_from(store, path))
    request = component.request
    if request is not None and chain[0].facts.spki_sha256 != request.facts.spki_sha256:
        raise StoreError(path, "it is for the key of an earlier request", "run apply")
    return chain
