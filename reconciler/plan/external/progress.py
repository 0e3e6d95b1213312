"""How far the request for a certificate is: nothing asked yet, half written, out, or for something that nobody wants any more.

Only what stands on disk says so. A key and a request that belong together and ask for what git says are the intent itself:
they stay, whatever else is forgotten, until their certificate comes or git wants another.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

import msgspec

from reconciler.desired.model import Component
from reconciler.observed.model import Absent, AskedFile, Certificates, Key, ObservedPair, ObservedRequest, Returned, Unusable
from reconciler.plan.checks_pair import UNTOUCHABLE
from reconciler.plan.context import Context
from reconciler.x509.facts import AskedFacts


class Stage(Enum):
    """How far a request is."""

    NONE = "none"
    """Nothing was asked."""
    UNFINISHED = "unfinished"
    """A key without a request of its own: a run died in between, or somebody damaged one of them."""
    OUT = "out"
    """It asks for what is wanted."""
    STALE = "stale"
    """It asks for something else than is wanted by now."""
    DONE = "done"
    """Its certificate is published; a run died before what is left of it was removed."""
    UNSEEN = "unseen"
    """It cannot be told, because a file cannot be read."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the request for one component is."""

    stage: Stage
    why: str = ""
    """What is wrong with it, as a clause; empty when nothing is."""


NOTHING: Final = ObservedRequest(key=Absent(), request=Absent(), answer=Absent())


def progress_of(context: Context, seen: ObservedRequest) -> Progress:
    """How far a request is.

    Args:
        context: the component as its checks see it.
        seen: what stands beside it.
    """
    for name, part in (("key", seen.key), ("request", seen.request), ("answer", seen.answer)):
        if isinstance(part, Unusable) and part.problem in UNTOUCHABLE:
            return Progress(stage=Stage.UNSEEN, why=f"the {name} that waits beside it cannot be read: {part.detail.rstrip('.')}")
    return progress_at(context.desired, seen, context.pair)


def progress_at(component: Component, seen: ObservedRequest, pair: ObservedPair | None) -> Progress:
    """The same, for what can be read.

    Args:
        component: as it is desired.
        seen: what stands beside it.
        pair: what is in use.
    """
    answer = seen.answer
    leaf = pair.certificate.chain[0] if pair is not None and isinstance(pair.certificate, Certificates) else None
    if leaf is not None and isinstance(answer, Returned) and answer.leaf.fingerprint == leaf.fingerprint:
        return Progress(stage=Stage.DONE, why="its request was answered, and the certificate is published")
    if isinstance(seen.key, Absent) and isinstance(seen.request, Absent):
        return Progress(stage=Stage.NONE)
    return _of_pair(component, seen)


def _of_pair(component: Component, seen: ObservedRequest) -> Progress:
    key, request = seen.key, seen.request
    if isinstance(key, Absent):
        return Progress(stage=Stage.UNFINISHED, why="the key of its request is gone")
    if isinstance(key, Unusable):
        return Progress(stage=Stage.UNFINISHED, why=f"the key of its request cannot be used ({key.problem})")
    if isinstance(request, Unusable):
        return Progress(stage=Stage.UNFINISHED, why=f"its request cannot be used ({request.problem})")
    if not isinstance(request, AskedFile):
        return Progress(stage=Stage.UNFINISHED, why="there is a key for its request, and no request yet")
    if request.asked.spki_sha256 != key.facts.spki_sha256:
        return Progress(stage=Stage.UNFINISHED, why="its request is for another key than the one beside it")
    others = tuple(differences(request.asked, component))
    if others:
        return Progress(stage=Stage.STALE, why=f"its request asks for {' and '.join(others)}")
    return Progress(stage=Stage.OUT)


def differences(asked: AskedFacts, component: Component) -> Iterator[str]:
    """What a request asks for otherwise than a component wants, in words; dates are in no request."""
    if not asked.subject.same_as(component.subject):
        yield f"another subject ({asked.subject})"
    if set(asked.sans) != set(component.sans):
        yield f"other names ({', '.join(asked.sans) or 'none'})"
    bits = {"digital signature", *component.key_usages}
    if set(asked.usages) != set(component.usages) or not bits <= set(asked.key_usages) or asked.is_ca:
        yield f"other usages ({', '.join(asked.usages) or 'none'})"
    if asked.key != component.key.value:
        yield f"another kind of key ({asked.key})"


def reusable_key(seen: ObservedRequest, component: Component) -> bool:
    """Whether the key that waits was made for a request that never came to be: the next one takes it up.

    A key whose request is whole may be certified any day, under whatever that asked for; another request gets another key.
    """
    key, request = seen.key, seen.request
    if not isinstance(key, Key) or key.facts.key != component.key.value:
        return False
    return not (isinstance(request, AskedFile) and request.asked.spki_sha256 == key.facts.spki_sha256)
