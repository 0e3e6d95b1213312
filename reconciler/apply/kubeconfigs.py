"""Kubeconfigs: of their component's certificate and key, and of the CAs that their client trusts."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.fetching import fetch_kubeconfig
from reconciler.apply.material import Pair, current_pair, trusted
from reconciler.apply.publishing import Intention, intend
from reconciler.apply.records import kubeconfig_record
from reconciler.apply.run import Run
from reconciler.desired.model import Kubeconfig
from reconciler.plan.build import Work
from reconciler.plan.kubeconfigs import kubeconfig_request
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
    if desired.address in run.carried:
        run.finish(work, record=record, started=started)
        return None
    files = (kubeconfig_file(run, desired, pair),)
    return intend(run, work, desired.place, desired.access, lambda: (files, record), started=started, record=record)


def kubeconfig_file(run: Run, desired: Kubeconfig, pair: Pair | None) -> OutFile:
    """The file of a kubeconfig.

    Args:
        run: for the certificates of the CAs.
        desired: what it says.
        pair: certificate chain and key to embed; None to refer to files.

    Raises:
        BlockedError, StoreError, UnreadableError: a CA's certificate cannot be used.
    """
    content = text.render(
        server=desired.server,
        ca_pem=b"".join(certificate.pem for certificate in trusted(run, desired)),
        cluster_name=desired.cluster_name,
        user_name=desired.user_name,
        certificate=fullchain(pair[0]) if pair else desired.client_certificate,
        key=pair[1].pem() if pair else desired.client_key,
    )
    return OutFile(suffix="", data=content, mode=desired.access.mode)
