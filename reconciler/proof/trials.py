"""Trials with OpenSSL: TLS 1.3, TLS 1.2, and once more to the letter of RFC 5280."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache, partial
from typing import Protocol

from reconciler.proof.credentials import Credentials
from reconciler.proof.tls import handshake
from reconciler.trust.scene import Party, Trust
from reconciler.trust.trial import Outcome, Refusal, Trial
from reconciler.x509.build import new_serial, self_signed
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import Subject
from reconciler.x509.profile import LAST_INSTANT, Request


class UnavailableError(Exception):
    """What a trial needs is not there any more, or cannot be made; says why in one sentence."""


class Material(Protocol):
    """Where certificates and keys come from."""

    def credentials(self, party: Party, signers: Mapping[str, str]) -> Credentials:
        """What a party presents.

        Raises:
            UnavailableError: it cannot be had.
        """
        ...

    def anchors(self, trust: Trust, signers: Mapping[str, str]) -> bytes:
        """What somebody trusts, as PEM.

        Raises:
            UnavailableError: it cannot be had.
        """
        ...


class Prover:
    """Carries out trials with material of one kind."""

    def __init__(self, material: Material) -> None:
        """Takes where certificates and keys come from."""
        self._material = material

    def __call__(self, trial: Trial, signers: Mapping[str, str]) -> Outcome:
        """See `reconciler.trust.trial.Prove`."""
        material = self._material
        try:
            attempt = partial(
                handshake,
                client=None if trial.client is None else material.credentials(trial.client, signers),
                client_anchors=None if trial.client_trust is None else material.anchors(trial.client_trust, signers),
                server=stand_in() if trial.server is None else material.credentials(trial.server, signers),
                server_anchors=None if trial.server_trust is None else material.anchors(trial.server_trust, signers),
                host=trial.host,
            )
        except UnavailableError as error:
            refusal = Refusal(by="none", code=0, message=str(error))
            return Outcome(tls13=refusal, tls12=refusal)
        tls13, tls12 = attempt(version=ssl.TLSVersion.TLSv1_3), attempt(version=ssl.TLSVersion.TLSv1_2)
        through = tls13 is None and tls12 is None
        return Outcome(tls13=tls13, tls12=tls12, strict=attempt(version=ssl.TLSVersion.TLSv1_3, strict=True) if through else None)


@cache
def stand_in() -> Credentials:
    """A server for clients whose server is not ours: it is not verified."""
    key = PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
    request = Request(
        subject=Subject(common_name="stand-in"),
        is_ca=True,
        not_before=LAST_INSTANT.replace(year=2000),
        not_after=LAST_INSTANT,
        serial=new_serial(),
    )
    return Credentials(chain=(self_signed(request, key).der,), key=key)
