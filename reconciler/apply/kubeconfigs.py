"""Kubeconfigs: of their component's certificate and key, and of the CAs that their client trusts."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.fetching import fetch_kubeconfig
from reconciler.apply.material import Pair, current_pair, trusted
from reconciler.apply.publishing import Intention, intend
from reconciler.apply.records import kubeconfig_record
from reconciler.apply.run import Run
from reconciler.desired.model import Access, Kubeconfig
from reconciler.plan.build import Work
from reconciler.plan.kubeconfig_names import kubeconfig_request
from reconciler.stores.publication import OutFile
from reconciler.x509 import kubeconfig as text
from reconciler.x509.outputs import fullchain


def prepare(run: Run, work: Work, started: float) -> Intention | None:
    """What is to be published for a kubeconfig.

    None when modes were all there was to mend, or when the component that lives in the file has just written it.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: the old file is untouched.
    """
    desired = run.desired.kubeconfigs[work.address]
    if is_access_only(work):
        repair_access(run, work, desired.access, {desired.place.absolute: desired.access.mode}, started)
        return None
    if desired.source is not None:
        return fetch_kubeconfig(run, work, desired, desired.source, started)
    record = kubeconfig_record(desired, requested=kubeconfig_request(desired))
    pair = current_pair(run, run.desired.components[desired.component]) if desired.embed else None
    complete = desired.entries is None or len(desired.entries.users) == 1
    if desired.address in run.carried and complete:
        run.finish(work, record=record, started=started)
        return None
    files = (kubeconfig_file(run, desired, pair),)
    access = access_of(run, desired)
    return intend(run, work, desired.place, access, lambda: (files, record), started=started, record=record)


def access_of(run: Run, desired: Kubeconfig) -> Access:
    """Whose the file will be."""
    if desired.entries is None:
        return desired.access
    from reconciler.apply import entries  # noqa: PLC0415 - only kubeconfigs for people have any

    return entries.access_of(run, desired)


def kubeconfig_file(run: Run, desired: Kubeconfig, pair: Pair | None, *, of: str = "") -> OutFile:
    """The file of a kubeconfig.

    Args:
        run: for the certificates of the CAs.
        desired: what it says.
        pair: certificate chain and key to embed; None to refer to files.
        of: the component that it is of, while that is published; empty for the first user's.

    Raises:
        BlockedError, StoreError, UnreadableError: a CA's certificate cannot be used.
    """
    if desired.entries is not None:
        from reconciler.apply.entries import entries_file  # noqa: PLC0415 - see above

        return entries_file(run, desired, desired.entries, pair, of=of)
    content = text.render(
        server=desired.server,
        ca_pem=b"".join(certificate.pem for certificate in trusted(run, desired)),
        cluster_name=desired.cluster_name,
        user_name=desired.user_name,
        certificate=fullchain(pair[0]) if pair else desired.client_certificate,
        key=pair[1].pem() if pair else desired.client_key,
    )
    return OutFile(suffix="", data=content, mode=desired.access.mode)
