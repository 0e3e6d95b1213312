"""Kubernetes objects that were answered: the same object with ``status.conditions`` and ``status.certificate``. Pure.

Nothing in an answer but the certificate depends on when it was written, so that writing it again gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import yaml

from reconciler.desired.requested import Requested
from reconciler.desired.yaml import compose
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.profile import BACKDATE
from reconciler.x509.read import read_certificates

#: Reasons are one word in CamelCase (certificates.k8s.io/v1 CertificateSigningRequestCondition).
APPROVED_REASON: Final = "ApprovedInGit"
DENIED_REASON: Final = "DeniedInGit"
_TIMES: Final = ("lastUpdateTime", "lastTransitionTime")
_BACKDATED_SHARE: Final = 10


class Answer(NamedTuple):
    """What an answered object says."""

    fingerprints: tuple[str, ...]
    """SHA-256 of each certificate in it, the leaf first."""
    digest: str
    """Of all the rest, but for times."""


def approved(requested: Requested, chain_pem: bytes, leaf: CertificateFacts) -> bytes:
    """The answer to an approved request.

    Args:
        requested: came as a Kubernetes object.
        chain_pem: its certificate, and the intermediates that follow it.
        leaf: what the certificate says: its dates are those of the condition.
    """
    # `profile.validity` dates back by a tenth of a short life.
    at = leaf.not_before + min(BACKDATE, (leaf.not_after - leaf.not_before) / _BACKDATED_SHARE)
    status = {"conditions": [_condition(requested, at)], "certificate": b64encode(chain_pem).decode("ascii")}
    return _text({**json.loads(requested.manifest), "status": status})


def denied(requested: Requested, at: datetime) -> bytes:
    """The answer to a denied request: for people, and for whoever puts it into a cluster."""
    return _text({**json.loads(requested.manifest), "status": {"conditions": [_condition(requested, at)]}})


def digest_of(requested: Requested) -> str:
    """What `read_answer` finds as the digest of an answer that is up to date."""
    condition = _condition(requested, None)
    return _digest({**json.loads(requested.manifest), "status": {"conditions": [condition]}})


def read_answer(data: bytes) -> Answer:
    """What an answered object says.

    Raises:
        UnreadableError: it is none, or has no certificate that can be read.
    """
    try:
        value = compose(data.decode("utf-8"), "").value
    except ValueError:
        value = None
    if value is None:
        raise UnreadableError(Problem.UNPARSABLE, "it is no Kubernetes object")
    status = value.get("status")
    encoded = status.get("certificate") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(encoded, str):
        raise UnreadableError(Problem.WRONG_TYPE, "it holds no certificate")
    try:
        chain = read_certificates(b64decode(encoded, validate=True))
    except (Base64Error, ValueError):
        raise UnreadableError(Problem.UNPARSABLE, "its certificate is not base64") from None
    conditions = status.get("conditions")
    rest = {key: content for key, content in status.items() if key != "certificate"}
    if isinstance(conditions, list):
        rest["conditions"] = [_without_times(each) for each in conditions]
    return Answer(tuple(each.facts.fingerprint for each in chain), _digest({**value, "status": rest}))


def _condition(requested: Requested, at: datetime | None) -> dict[str, str]:
    is_denied = requested.approval == "denied"
    condition = {
        "type": "Denied" if is_denied else "Approved",
        "status": "True",
        "reason": DENIED_REASON if is_denied else APPROVED_REASON,
        "message": requested.reason or f"{requested.address} is {requested.approval} in the desired state",
    }
    if at is not None:
        condition |= dict.fromkeys(_TIMES, (at - timedelta(microseconds=at.microsecond)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return condition


def _without_times(condition: object) -> object:
    if not isinstance(condition, dict):
        return condition
    return {key: content for key, content in condition.items() if key not in _TIMES}


def _text(value: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=False, width=1 << 20).encode("ascii")


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()
