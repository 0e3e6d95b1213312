"""Writes bundles: sorted, each certificate once, the same bytes every time."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.material import authority
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import bundle_record
from reconciler.apply.run import Run
from reconciler.desired.model import Bundle
from reconciler.plan.build import Work
from reconciler.plan.bundles import bundle_request
from reconciler.stores.files import OutFile


def write(run: Run, work: Work, bundle: Bundle, started: float) -> None:
    """Brings one bundle up to date.

    Raises:
        BlockedError, StoreError, UnreadableError: the old file is untouched.
    """
    if is_access_only(work):
        repair_access(run, work, bundle.access, {bundle.place.absolute: bundle.access.mode}, started)
        return
    record = bundle_record(bundle, requested=bundle_request(bundle))
    by_fingerprint = {link.facts.fingerprint: link.pem for link in (authority(run, name) for name in bundle.cas)}
    content = b"".join(by_fingerprint[fingerprint] for fingerprint in sorted(by_fingerprint))
    file = OutFile(suffix="", data=content, mode=bundle.access.mode)
    publish_ready(run, work, place=bundle.place, access=bundle.access, files=(file,), record=record, started=started)
    run.finish(work, record=record, started=started)
