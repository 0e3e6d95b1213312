"""From OpenSSL's verdict to a sentence that names both files."""

from __future__ import annotations

from typing import Final

from reconciler.trust.graph import Family
from reconciler.trust.scene import Party, Trouble, Trust
from reconciler.trust.trial import Refusal, Trial

#: X509_V_ERR_* (openssl/x509_vfy.h) by what they mean to us.
_CODES: Final[dict[int, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), "Untrusted"),
    **dict.fromkeys((7, 22, 24, 25, 30, 32, 34, 79), "ChainBroken"),
    **dict.fromkeys((9, 13), "NotYetValid"),
    **dict.fromkeys((10, 14), "Expired"),
    **dict.fromkeys((47, 48, 49, 51), "NameConstraints"),
    **dict.fromkeys((62, 64), "HostMismatch"),
    **dict.fromkeys((66, 67, 68), "WeakKey"),
    26: "UsageMismatch",
}


def explain(refusal: Refusal, trial: Trial, family: Family) -> Trouble:
    """Why the connection fails.

    Args:
        refusal: what came of the trial.
        trial: who connected to whom.
        family: what kind of edge it is.
    """
    code = _CODES.get(refusal.code, "Refused")
    if refusal.by == "client":
        presented, trust, usage = trial.server, trial.client_trust, "server auth"
    else:
        presented, trust, usage = trial.client, trial.server_trust, "client auth"
    if refusal.by == "none" or trust is None:
        return Trouble(code="Refused", message=f"it could not be tried: {refusal.message}")
    if presented is None:
        return Trouble(code="Refused", message=f"{_by(refusal, family)} a client without a certificate: {refusal.message}")
    return Trouble(code=code, message=f"{_cause(code, refusal, presented, trust, usage)}: {_so(refusal, family)}")


def lint(refusal: Refusal, trial: Trial) -> Trouble:
    """What strict verifiers object to, which Go does not."""
    presented = trial.server if refusal.by == "client" else trial.client
    whose = f"the certificate of {presented.address} ({presented.file})" if presented is not None else "a certificate"
    return Trouble(code="Strict", message=f"strict verifiers, Python from 3.13 among them, refuse {whose}: {refusal.message}")


def _cause(code: str, refusal: Refusal, presented: Party, trust: Trust, usage: str) -> str:
    whose, file = f"the certificate of {presented.address} ({presented.file})", f"{trust.address} ({trust.file})"
    if code == "Untrusted":
        return f"{whose} is signed by no CA in {file}"
    if code == "UsageMismatch":
        own = not presented.chain or (presented.chain[0].usages and usage not in presented.chain[0].usages)
        return f"{whose} is not for {usage}" if own else f"{whose} is signed by a CA in {file} that is not for {usage}"
    if code == "HostMismatch":
        return f"{whose} is not for the name that is dialled"
    if code == "NameConstraints":
        return f"{whose} has a name that a CA in {file} may not certify"
    return f"{whose} does not pass with {file}: {refusal.message}"


def _by(refusal: Refusal, family: Family) -> str:
    return "the client refuses" if refusal.by == "client" else f"the server refuses ({_how(family)})"


def _so(refusal: Refusal, family: Family) -> str:
    return "the client refuses it" if refusal.by == "client" else f"the server refuses it, {_how(family)}"


def _how(family: Family) -> str:
    return "with a TLS alert" if family.refusal == "alert" else "each request with status 401"
