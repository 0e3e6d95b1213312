"""Writes kubeconfigs."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.material import Pair, authority, current_pair
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import kubeconfig_record
from reconciler.apply.run import Run
from reconciler.desired.model import Kubeconfig
from reconciler.plan.build import Work
from reconciler.plan.kubeconfigs import kubeconfig_request
from reconciler.stores.files import OutFile
from reconciler.x509 import kubeconfig as text
from reconciler.x509.outputs import fullchain


def write(run: Run, work: Work, desired: Kubeconfig, started: float) -> None:
    """Brings one kubeconfig up to date, unless the component that lives in it has just done so.

    Raises:
        BlockedError, StoreError, UnreadableError: the old file is untouched.
    """
    if is_access_only(work):
        repair_access(run, work, desired.access, {desired.place.absolute: desired.access.mode}, started)
        return
    record = kubeconfig_record(desired, requested=kubeconfig_request(desired))
    pair = current_pair(run, run.desired.components[desired.component]) if desired.embed else None
    if desired.address not in run.carried:
        file = kubeconfig_file(run, desired, pair)
        publish_ready(run, work, place=desired.place, access=desired.access, files=(file,), record=record, started=started)
    run.finish(work, record=record, started=started)


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
        ca_pem=b"".join(authority(run, name).pem for name in desired.cas),
        cluster_name=desired.cluster_name,
        user_name=desired.user_name,
        certificate=fullchain(pair[0]) if pair else desired.client_certificate,
        key=pair[1].pem() if pair else desired.client_key,
    )
    return OutFile(suffix="", data=content, mode=desired.access.mode)
