"""Files may hold anything: no check fails for what it finds."""

from __future__ import annotations

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cluster.model import Content
from reconciler.health.examine import examine
from reconciler.observed.model import Absent, Unusable
from tests.builders import NOW, make_key, make_leaf
from tests.health.broken import altered, revocations
from tests.health.drafts import CA, FRONT, STRANGER, certificates, client, combined, entry, key, kubeadm, kubeconfig, public

ODD: Final[tuple[Content, ...]] = (
    Absent(),
    Unusable(problem="not-pem", detail="it is no PEM"),
    certificates(CA),
    certificates(STRANGER, CA, FRONT),
    certificates(altered(client("nameless"), subject=STRANGER.certificate.facts.issuer, sans=(), usages=(), key_usages=())),
    combined(make_leaf(STRANGER, "combined")),
    key(make_key("odd")),
    public(make_key("odd")),
    kubeconfig(entry("odd", client("odd"), server="https://[broken")),
    kubeconfig(entry("", None, trust=(), server="", context="", current=False)),
    kubeconfig(),
    revocations(),
)
PLACES: Final = tuple((node, path) for node, machine in kubeadm(control_planes=2).machines.items() for path in machine.files)
SETTINGS: Final = (
    *tuple(
        (node, process, setting)
        for node, machine in kubeadm(control_planes=2).machines.items()
        for process, values in machine.processes.items()
        for setting in values
    ),
    ("cp-1", "kube-apiserver", "kubelet-certificate-authority"),
    ("cp-1", "kube-apiserver", "kubelet-preferred-address-types"),
    ("cp-1", "kube-apiserver", "service-account-issuer"),
    ("cp-1", "etcd", "peer-cert-allowed-cn"),
    ("w-1", "kubelet", "hostname-override"),
)


@settings(max_examples=150)
@given(
    contents=st.dictionaries(st.sampled_from(PLACES), st.sampled_from(ODD), max_size=6),
    values=st.dictionaries(
        st.sampled_from(SETTINGS),
        st.text(max_size=12) | st.sampled_from(("", ",", "https://[", "0.0.0.0/0", "InternalIP,", "::/128")),
        max_size=3,
    ),
)
def test_no_check_fails(contents: dict[tuple[str, str], Content], values: dict[tuple[str, str, str], str]) -> None:
    """Whatever lies at a path and stands in a setting, there are findings, each with its place and its words."""
    draft = kubeadm(control_planes=2)
    for (node, path), content in contents.items():
        draft.put(path, content, on=node)
    for (node, process, setting), value in values.items():
        draft.set(process, setting, value, on=node)
    found = examine(draft.cluster(), NOW)
    assert all(finding.path and finding.message and finding.mend for finding in found)
    assert len({(finding.code, finding.node, finding.path, finding.message) for finding in found}) == len(found)
