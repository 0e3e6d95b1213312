"""Bundles: sorted, each certificate once, the same bytes every time."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.fetching import fetch_bundle
from reconciler.apply.material import trusted
from reconciler.apply.publishing import Intention, intend
from reconciler.apply.records import bundle_record
from reconciler.apply.run import Run
from reconciler.plan.build import Work
from reconciler.plan.bundles import bundle_request
from reconciler.stores.publication import OutFile


def prepare(run: Run, work: Work, started: float) -> Intention | None:
    """What is to be published for a bundle; None when modes were all there was to mend.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: the old file is untouched.
    """
    bundle = run.desired.bundles[work.address]
    if is_access_only(work):
        repair_access(run, work, bundle.access, {bundle.place.absolute: bundle.access.mode}, started)
        return None
    if bundle.source is not None:
        return fetch_bundle(run, work, bundle, bundle.source, started)
    record = bundle_record(bundle, requested=bundle_request(bundle))
    content = b"".join(certificate.pem for certificate in trusted(run, bundle))
    files = (OutFile(suffix="", data=content, mode=bundle.access.mode),)
    return intend(run, work, bundle.place, bundle.access, lambda: (files, record), started=started, record=record)
