"""From a desired CA or component to what is asked of an issuer: pure."""

from __future__ import annotations

from datetime import datetime

from reconciler.desired.model import CA, Component
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import KEY_USAGES
from reconciler.x509.profile import Request, validity


def component_request(component: Component, issuer: CertificateFacts, *, now: datetime, serial: int) -> Request:
    """The request for a component's certificate."""
    not_before, not_after = validity(now, component.lifetime, issuer)
    return Request(
        subject=component.subject,
        sans=component.sans,
        usages=component.usages,
        key_usages=component.key_usages,
        not_before=not_before,
        not_after=not_after,
        serial=serial,
    )


def ca_request(ca: CA, issuer: CertificateFacts | None, *, now: datetime, serial: int) -> Request:
    """The request for a CA's own certificate; `issuer` is None for a root."""
    not_before, not_after = validity(now, ca.lifetime, issuer)
    return Request(
        subject=ca.subject,
        sans=ca.sans,
        is_ca=True,
        path_length=ca.path_length,
        name_constraints=ca.name_constraints,
        not_before=not_before,
        not_after=not_after,
        serial=serial,
    )


def renewal_request(ca: CA, old: CertificateFacts, issuer: CertificateFacts | None, *, now: datetime, serial: int) -> Request:
    """The request for new dates around a CA's key: everything that others compare with stays as it was."""
    not_before, not_after = validity(now, ca.lifetime, issuer)
    return Request(
        subject=old.subject,
        sans=tuple(san for san in old.sans if not san.startswith("other:")),
        usages=old.usages,
        key_usages=tuple(usage for usage in old.key_usages if usage in KEY_USAGES),
        is_ca=True,
        path_length=ca.path_length,
        name_constraints=ca.name_constraints,
        not_before=not_before,
        not_after=not_after,
        serial=serial,
    )
