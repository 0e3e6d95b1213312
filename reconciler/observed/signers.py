"""Which of our CAs signed a certificate: by its signature, whatever its names and key identifiers claim.

A signature check takes some 80 us and lets another thread run meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from reconciler.observed.cache import Cache
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.read import Certificate
from reconciler.x509.verify import signed_by

_BATCH: Final = 2048
_WORTH_A_THREAD: Final = 64
_THREADS: Final = 2


class Question(NamedTuple):
    """Who signed a certificate: the first of the issuers whose key did."""

    address: str
    certificate: Certificate
    issuers: tuple[Certificate, ...]


class Answer(NamedTuple):
    """Who it was."""

    address: str
    fingerprint: str
    signer: Certificate | None
    others: tuple[Certificate, ...]
    """Those that were tried and had not signed."""


def in_order_of_claim(facts: CertificateFacts, own: str, issuers: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """The issuers in the order in which they are worth trying: a hint decides what is tried first, never what is true.

    Args:
        facts: of the certificate in question.
        own: SPKI SHA-256 of the CA that should have signed it; empty when unknown.
        issuers: every certificate that may have.
    """

    def rank(issuer: Certificate) -> int:
        if own and issuer.facts.spki_sha256 == own:
            return 0
        if facts.aki and issuer.facts.ski == facts.aki:
            return 1
        return 2 if issuer.facts.subject == facts.issuer else 3

    return tuple(sorted(issuers, key=rank))


def recall_signer(cache: Cache, fingerprint: str, issuers: Sequence[Certificate]) -> str | None:
    """What the cache knows: the signer's SPKI SHA-256, empty when none of them signed, None when it has to be checked."""
    for issuer in issuers:
        verdict = cache.recall_verdict(fingerprint, issuer.facts.fingerprint)
        if verdict is None:
            return None
        if verdict:
            return issuer.facts.spki_sha256
    return ""


def answer(question: Question) -> Answer:
    """Checks signatures until one fits."""
    fingerprint = question.certificate.facts.fingerprint
    for place, issuer in enumerate(question.issuers):
        if signed_by(question.certificate, issuer):
            return Answer(question.address, fingerprint, issuer, question.issuers[:place])
    return Answer(question.address, fingerprint, None, question.issuers)


class Checks:
    """Takes questions, and answers them in batches: on two cores where there are as many.

    Reading files and checking signatures take turns. Side by side they are slower than one after the other, because
    every system call of the reader lets go of the interpreter lock and has to wait to get it back.
    """

    def __init__(self, *, cores: int) -> None:
        self._cores: Final = cores
        self._open: list[Question] = []
        self._answers: list[Answer] = []

    def ask(self, question: Question) -> None:
        """Takes a question; answers all that are open when enough have come together, so that few are held in memory."""
        self._open.append(question)
        if len(self._open) >= _BATCH:
            self._settle()

    def answers(self) -> list[Answer]:
        """Every answer."""
        self._settle()
        return self._answers

    def _settle(self) -> None:
        questions, self._open = self._open, []
        if self._cores < _THREADS or len(questions) < _WORTH_A_THREAD:
            self._answers += map(answer, questions)
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 5 ms that small states do not need

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="signatures") as pool:
            for found in pool.map(_answer_all, [questions[start::_THREADS] for start in range(_THREADS)]):
                self._answers += found


def _answer_all(questions: list[Question]) -> list[Answer]:
    return [answer(question) for question in questions]
