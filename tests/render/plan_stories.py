"""Plans worth reading: one story each, told as the document that a planner would hand to the renderers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.desired.model import parse_address
from reconciler.plan.document import (
    FORMAT_VERSION,
    ActionWord,
    Change,
    ClassWord,
    DiagnosticEntry,
    PlanDocument,
    ReasonEntry,
    ResourceChange,
    Source,
    Summary,
)

NOW: Final = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)

ACTIONS: Final[dict[ClassWord, list[ActionWord]]] = {
    "create": ["create"],
    "reissue": ["update"],
    "rekey": ["update"],
    "repair": ["update"],
    "rotate": ["create", "delete"],
    "replace": ["delete", "create"],
    "destroy": ["delete"],
    "forget": ["forget"],
    "import": ["no-op"],
    "move": ["no-op"],
    "blocked": ["no-op"],
}


def reason(
    code: str, message: str = "", *, path: str = "", current: str | None = None, planned: str | None = None
) -> ReasonEntry:
    """A reason entry."""
    return ReasonEntry(code=code, message=message, path=path, current=current, planned=planned)


def entry(  # noqa: D417 - the other arguments are the document's own fields
    address: str,
    class_: ClassWord,
    *reasons: ReasonEntry,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    unknown: tuple[str, ...] = (),
    importing: str | None = None,
    previous: str | None = None,
    actions: list[ActionWord] | None = None,
) -> ResourceChange:
    """A change of one address.

    Args:
        address: from which type, name and index follow.
        class_: from which the actions follow, unless they are given.
    """
    kind, name, node = parse_address(address)
    return ResourceChange(
        address=address,
        type=kind,
        name=name,
        index=node,
        previous_address=previous,
        change=Change(
            actions=actions or ACTIONS[class_],
            before=before,
            after=after,
            after_unknown=dict.fromkeys(unknown, True),
            reasons=list(reasons),
            class_=class_,
            importing={"id": importing} if importing else None,
        ),
    )


def document(
    *changes: ResourceChange,
    drift: tuple[ResourceChange, ...] = (),
    diagnostics: tuple[DiagnosticEntry, ...] = (),
    certificates: int = 38,
    renewal: tuple[str, timedelta] | None = ("component.etcd-peer[cp-2]", timedelta(days=11, hours=4)),
    **fields: Any,  # noqa: ANN401 - whatever else a document holds
) -> PlanDocument:
    """A plan document whose sums follow from its changes."""
    actions = Counter(word for change in changes if change.change.class_ != "blocked" for word in change.change.actions)
    classes = Counter(change.change.class_ for change in changes)
    issued = sum(change.change.class_ == "create" and change.type in ("ca", "component") for change in changes)
    return PlanDocument(
        format_version=FORMAT_VERSION,
        tool_version="0.1.0",
        cluster=fields.pop("cluster", "demo"),
        source=Source(path="cluster-pki.yaml", sha256="9f" * 32, revision="4f2c9e1" + "0" * 33),
        resource_changes=list(changes),
        resource_drift=list(drift),
        diagnostics=list(diagnostics),
        summary=Summary(
            add=actions["create"],
            change=actions["update"],
            destroy=actions["delete"],
            import_=sum(change.change.importing is not None for change in changes),
            forget=actions["forget"],
            move=sum(change.previous_address is not None for change in changes),
            issue=issued,
            reissue=classes["reissue"],
            rekey=classes["rekey"],
            repair=classes["repair"],
            replace=classes["replace"],
            blocked=classes["blocked"],
            certificates=certificates,
            reasons=dict(Counter(item.code for change in changes for item in change.change.reasons)),
            next_renewal=NOW + renewal[1] if renewal else None,
            next_renewal_address=renewal[0] if renewal else None,
        ),
        valid_until=NOW + timedelta(hours=24),
        **fields,
    )


APISERVER: Final[dict[str, Any]] = {
    "subject": "CN=kube-apiserver",
    "sans": [
        "dns:cp-1", "dns:kubernetes", "dns:kubernetes.default", "dns:kubernetes.default.svc", "ip:10.96.0.1", "ip:192.0.2.11",
    ],
    "usages": ["server auth"],
    "key": "ecdsa-p256",
    "issuer": "ca.kubernetes",
    "not_after": "2027-09-30T00:00:00Z",
    "serial": "1f6a09",
    "not_before": "2026-09-29T23:55:00Z",
    "fingerprint": "3e" * 32,
    "ski": "5c" * 20,
    "paths": ["/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/apiserver.key"],
    "mode": "0600",
}  # fmt: skip
JANE: Final[dict[str, Any]] = {
    "subject": "CN=jane, O=dev",
    "usages": ["client auth"],
    "key": "ecdsa-p256",
    "issuer": "ca.kubernetes",
    "not_after": "2026-12-01T00:00:00Z",
    "serial": "77b2",
    "not_before": "2025-11-30T23:55:00Z",
    "fingerprint": "a7" * 32,
    "ski": "90" * 20,
    "paths": ["/users/jane.crt", "/users/jane.key"],
    "mode": "0600",
}
CA: Final[dict[str, Any]] = {
    "subject": "CN=kubernetes-ca",
    "key": "ecdsa-p256",
    "path_length": 0,
    "issuer": "ca.kubernetes",
    "paths": ["/authority/kubernetes/ca.crt", "/authority/kubernetes/ca.key"],
    "mode": "0600",
}
ISSUED: Final = ("not_after", "serial", "not_before", "fingerprint", "ski")


def changed(attributes: dict[str, Any], **differences: Any) -> dict[str, Any]:  # noqa: ANN401 - attribute values
    """The attributes with some of them changed; None takes one away."""
    return {name: value for name, value in {**attributes, **differences}.items() if value is not None}


def wanted(attributes: dict[str, Any], **differences: Any) -> dict[str, Any]:  # noqa: ANN401 - attribute values
    """The attributes as far as they are known before anything is issued."""
    return changed(attributes, **differences, **dict.fromkeys(ISSUED))


def first_apply() -> PlanDocument:
    """An empty disk and a small PKI."""
    missing = reason("Missing", "there is no certificate and no key")
    bundle = {"cas": ["ca.kubernetes"], "paths": ["/etc/kubernetes/pki/ca-bundle.crt"], "mode": "0644"}
    return document(
        entry("ca.kubernetes", "create", missing, after=CA, unknown=ISSUED),
        entry("keypair.sa", "create", missing, after={"key": "rsa-2048", "paths": ["/etc/kubernetes/pki/sa.key"]}),
        entry("component.apiserver[cp-1]", "create", missing, after=wanted(APISERVER), unknown=ISSUED),
        entry("bundle.kubernetes[cp-1]", "create", missing, after=bundle),
        certificates=2,
        renewal=None,
    )


def san_change() -> PlanDocument:
    """One name more in the YAML."""
    sans = [*APISERVER["sans"], "dns:api.new.example.com"]
    return document(
        entry(
            "component.apiserver[cp-1]",
            "reissue",
            reason("SanMismatch", "names differ", path="sans", current="6 names", planned="7 names"),
            before=APISERVER,
            after=wanted(APISERVER, sans=sans),
            unknown=ISSUED,
        ),
    )


def mixed() -> PlanDocument:
    """One of everything, as a busy week leaves it."""
    due = reason("RenewalDue", "it is due since 2026-11-01T00:00:00Z", path="not_after", current="2026-12-01T00:00:00Z")
    return document(
        entry(
            "component.apiserver[cp-1]",
            "reissue",
            reason("SanMismatch", "names differ", path="sans"),
            reason("ModeDrift", "the key can be read by others", path="mode", current="0644", planned="0600"),
            before=changed(APISERVER, mode="0644"),
            after=wanted(APISERVER, sans=["dns:api.new.example.com", *APISERVER["sans"][1:]]),
            unknown=ISSUED,
        ),
        entry("component.etcd-peer[cp-1]", "reissue", due, before=JANE, after=wanted(JANE), unknown=ISSUED),
        entry("component.etcd-peer[cp-2]", "reissue", due, before=JANE, after=wanted(JANE), unknown=ISSUED),
        entry(
            "component.scheduler[cp-1]",
            "rekey",
            reason(
                "KeyMismatch", "the key does not belong to the certificate", path="key", current="sha256:aa", planned="sha256:bb"
            ),
            before=JANE,
            after=wanted(JANE),
            unknown=ISSUED,
        ),
        entry(
            "component.front-proxy-client[cp-1]",
            "repair",
            reason("ModeDrift", "the key can be read by others", path="mode", current="0644", planned="0600"),
            before=changed(JANE, mode="0644"),
            after=JANE,
        ),
        entry(
            "component.imported",
            "import",
            before=JANE,
            after=JANE,
            importing="/srv/old/imported.crt",
        ),
        entry("component.etcd-server[cp-1]", "move", before=JANE, after=JANE, previous="component.etcd[cp-1]"),
        entry("component.left", "forget", reason("Orphaned", "it is no longer desired"), before=JANE),
        entry("component.jane", "destroy", reason("Orphaned", "it is no longer desired"), before=JANE),
        diagnostics=(
            DiagnosticEntry(
                severity="warning",
                code="Orphaned",
                summary="component.old is no longer desired, and prune is off",
                detail="It stays where it is. Set `prune: true`, or list it under `removed`.",
                address="component.old",
            ),
        ),
        renewal=("component.apiserver[cp-2]", timedelta(days=41)),
    )


def drift_only() -> PlanDocument:
    """Somebody touched something that is none of our business any more: told, with nothing to do."""
    return document(
        drift=(
            entry(
                "bundle.old[w-1]",
                "repair",
                reason("ModeDrift", "anybody may write it", path="mode"),
                before={"paths": ["/etc/old.crt"], "mode": "0644"},
                after={"paths": ["/etc/old.crt"], "mode": "0666"},
            ),
            entry("component.bob", "destroy", before=JANE),
        ),
    )


def empty() -> PlanDocument:
    """Everything is as it should be."""
    return document()


def blocked_ca() -> PlanDocument:
    """The CA's key is gone while its certificates live."""
    return document(
        entry(
            "ca.kubernetes",
            "blocked",
            reason("Missing", "there is no key", path="key"),
            before=changed(CA, not_after="2036-01-01T00:00:00Z"),
            after=changed(CA, not_after="2036-01-01T00:00:00Z"),
        ),
        diagnostics=(
            DiagnosticEntry(
                severity="error",
                code="ca-key-missing",
                summary="ca.kubernetes has lost its key",
                detail=(
                    "12 certificates that it signed are alive, so it is not made anew: every client would refuse them.\n"
                    "Bring /authority/kubernetes/ca.key back from a backup, or raise `generation` to phase in a new key."
                ),
                address="ca.kubernetes",
                held_back=["component.apiserver[cp-1]", "component.jane"],
            ),
        ),
    )


def guard_tripped() -> PlanDocument:
    """A change of the preset's DNS domain would reissue everything; the guard lets through what time demands."""
    held = [f"component.kubelet-serving[w-{number}]" for number in range(1, 25)]
    mismatch = reason("SanMismatch", "names differ", path="sans")
    return document(
        entry(
            "component.etcd-peer[cp-1]",
            "reissue",
            reason("RenewalDue", "it is due since 2026-11-01T00:00:00Z", path="not_after"),
            before=JANE,
            after=wanted(JANE),
            unknown=ISSUED,
        ),
        *(
            entry(
                address,
                "blocked",
                mismatch,
                before=APISERVER,
                after=wanted(APISERVER, sans=["dns:w"]),
                unknown=ISSUED,
                actions=["update"],
            )
            for address in held[:2]
        ),
        diagnostics=(
            DiagnosticEntry(
                severity="error",
                code="maxChanges",
                summary="24 of 38 certificates would change, more than guards.maxChanges (30%) allows",
                detail="If this is meant, run again with --allow-mass-change.",
                held_back=held,
            ),
        ),
    )


def replace() -> PlanDocument:
    """A key was lost to a thief, another is asked to be new, and a CA is rotated."""
    return document(
        entry(
            "ca.kubernetes",
            "rotate",
            reason(
                "KeyPolicyMismatch", "the key is rsa-2048, not ecdsa-p256", path="key", current="rsa-2048", planned="ecdsa-p256"
            ),
            before=changed(CA, key="rsa-2048", not_after="2036-01-01T00:00:00Z"),
            after=CA,
            unknown=ISSUED,
        ),
        entry(
            "component.jane",
            "replace",
            reason("Revoked", "its serial is listed under revocations", path="serial"),
            before=JANE,
            after=wanted(JANE),
            unknown=ISSUED,
        ),
        entry(
            "component.bob",
            "replace",
            reason("ReissueRequested", "asked for with --replace"),
            before=JANE,
            after=wanted(JANE),
            unknown=ISSUED,
        ),
    )


STORIES: Final[dict[str, Callable[[], PlanDocument]]] = {
    "first-apply": first_apply,
    "san-change": san_change,
    "mixed": mixed,
    "drift-only": drift_only,
    "empty": empty,
    "blocked-ca": blocked_ca,
    "guard-tripped": guard_tripped,
    "replace": replace,
}
