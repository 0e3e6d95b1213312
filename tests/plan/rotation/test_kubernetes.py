"""What must reload, be restarted or be pointed elsewhere in each phase of a rotation."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.plan.rotation.kubernetes.step import Step
from reconciler.plan.rotation.kubernetes.steps import flags, kubernetes_steps
from reconciler.plan.rotation.phase import Phase
from tests.desired.compiling import CENTRAL, NODES, state_of
from tests.desired.vault_documents import MAIN
from tests.plan.rotation.clusters import ETCD_NODES, SMALL, alone, brief, central, copied

PKI: Final = "/etc/kubernetes/pki"
DOMAINS: Final = ("kubernetes", "etcd", "front-proxy", "sa")
CASES: Final = [pytest.param(ca, phase, id=f"{ca}-{phase}") for ca, phase in product(DOMAINS, Phase)]
HANDOUT: Final = "do elsewhere"

#: CA, phase -> every step of a cluster of one control-plane node and one worker, version 1.36, the CA keys elsewhere.
WHOLE: Final[dict[tuple[str, Phase], list[str]]] = {
    ("kubernetes", Phase.STAGE): [
        "1 reloads kube-apiserver cp-1",
        "2 do extension-apiserver-authentication",
        "3 restart kube-controller-manager cp-1",
        "4 do kube-root-ca.crt",
        "5 restart kube-scheduler cp-1",
        "6 do cluster-info",
        "7 do webhooks and APIServices",
        "8 restart kubelet cp-1",
        "9 restart kubelet w-1",
        "10 reloads kube-proxy",
        "11 restart pods",
        f"12 {HANDOUT}",
    ],
    ("kubernetes", Phase.CLIENTS): [
        "1 reloads kube-apiserver cp-1",
        "2 restart kube-controller-manager cp-1",
        "3 restart kube-scheduler cp-1",
        "4 restart kubelet cp-1",
        "5 restart kubelet w-1",
        "6 reloads kube-proxy cp-1",
        "6 reloads kube-proxy w-1",
        f"7 {HANDOUT}",
    ],
    ("kubernetes", Phase.SERVERS): [
        "1 reloads kube-apiserver cp-1",
        "2 reloads kubelet cp-1",
        "2 reloads kubelet w-1",
        "3 do kubelet client certificates",
        "4 do kubelet serving certificates",
    ],
    ("kubernetes", Phase.SOAK): ["1 do audit log"],
    ("kubernetes", Phase.DISTRUST): [
        "1 reloads kube-apiserver cp-1",
        "2 do extension-apiserver-authentication",
        "3 restart kube-controller-manager cp-1",
        "4 do kube-root-ca.crt",
        "5 restart kube-scheduler cp-1",
        "6 do cluster-info",
        "7 do webhooks and APIServices",
        "8 restart kubelet cp-1",
        "9 restart kubelet w-1",
        "10 reloads kube-proxy",
        "11 restart pods",
        f"12 {HANDOUT}",
    ],
    ("etcd", Phase.STAGE): [
        "1 restart etcd cp-1",
        "2 do other clients of etcd",
        "3 reloads etcdctl cp-1",
        "4 restart kube-apiserver cp-1",
    ],
    ("etcd", Phase.CLIENTS): ["1 reloads etcdctl cp-1", "2 reloads kube-apiserver cp-1"],
    ("etcd", Phase.SERVERS): ["1 reloads etcd cp-1"],
    ("etcd", Phase.SOAK): ["1 do other clients of etcd"],
    ("etcd", Phase.DISTRUST): [
        "1 restart etcd cp-1",
        "2 do other clients of etcd",
        "3 reloads etcdctl cp-1",
        "4 restart kube-apiserver cp-1",
    ],
    ("front-proxy", Phase.STAGE): [
        "1 reloads kube-apiserver cp-1",
        "2 do extension-apiserver-authentication",
        "3 reloads kube-controller-manager cp-1",
    ],
    ("front-proxy", Phase.CLIENTS): ["1 reloads kube-apiserver cp-1"],
    ("front-proxy", Phase.DISTRUST): [
        "1 reloads kube-apiserver cp-1",
        "2 do extension-apiserver-authentication",
        "3 reloads kube-controller-manager cp-1",
    ],
    ("sa", Phase.STAGE): ["1 restart kube-apiserver cp-1"],
    ("sa", Phase.SERVERS): ["1 restart kube-apiserver cp-1", "2 restart kube-controller-manager cp-1"],
    ("sa", Phase.SOAK): ["1 do service-account tokens", "2 do service-account tokens"],
    ("sa", Phase.DISTRUST): ["1 restart kube-apiserver cp-1"],
}


@pytest.mark.parametrize(("ca", "phase"), CASES)
def test_every_phase_has_its_steps_and_no_other(ca: str, phase: Phase) -> None:
    """Who is told, in which order; what reads its files by itself is not restarted, and a stable CA asks for nothing."""
    assert brief(kubernetes_steps(central(nodes=SMALL), ca, phase)) == WHOLE.get((ca, phase), [])


def restarted(desired: DesiredState, ca: str, phase: Phase) -> dict[str, list[str]]:
    """The nodes on which each program is restarted, in order, and the objects of the cluster without a node."""
    found: dict[str, list[str]] = {}
    for step in kubernetes_steps(desired, ca, phase):
        if step.action == "restart":
            found.setdefault(step.program, []).append(step.node or "everywhere")
    return found


CONTROL_PLANE: Final = ["cp-1", "cp-2", "cp-3"]
EVERYWHERE: Final = [*CONTROL_PLANE, "w-1", "w-2"]
#: What is always restarted when the trust in the CA of the cluster changes.
TRUST: Final = {
    "kube-controller-manager": CONTROL_PLANE,
    "kube-scheduler": CONTROL_PLANE,
    "kubelet": EVERYWHERE,
    "pods": ["everywhere"],
}
OLD_TRUST: Final = {"kube-apiserver": CONTROL_PLANE, **TRUST, "kube-proxy": ["everywhere"]}


@pytest.mark.parametrize(
    ("version", "phase", "wanted"),
    [
        pytest.param("1.28", Phase.STAGE, OLD_TRUST, id="1.28-stage"),
        pytest.param("1.35", Phase.STAGE, OLD_TRUST, id="1.35-stage"),
        pytest.param("1.36", Phase.STAGE, TRUST, id="1.36-stage"),
        pytest.param("1.37", Phase.STAGE, TRUST, id="1.37-stage"),
        pytest.param("1.35", Phase.DISTRUST, OLD_TRUST, id="1.35-distrust"),
        pytest.param("1.36", Phase.DISTRUST, TRUST, id="1.36-distrust"),
        pytest.param("1.30", Phase.SERVERS, {"kubelet": EVERYWHERE}, id="1.30-servers"),
        pytest.param("1.31", Phase.SERVERS, {}, id="1.31-servers"),
    ],
)
def test_versions_decide_who_is_restarted(version: str, phase: Phase, wanted: dict[str, list[str]]) -> None:
    """The kubelet reads its serving pair again since 1.31, client-go a CA file since 1.36; no set is larger than it must be."""
    assert restarted(central(version), "kubernetes", phase) == wanted


def test_a_restart_that_depends_on_a_flag_says_so() -> None:
    """By default there is no --kubelet-certificate-authority: without it nobody restarts an API server."""
    steps = kubernetes_steps(central("1.35", nodes=SMALL), "kubernetes", Phase.DISTRUST)
    (step,) = [step for step in steps if (step.program, step.action) == ("kube-apiserver", "restart")]
    assert step.text == (
        "restart kube-apiserver on cp-1 if --kubelet-certificate-authority is set, wait until it is ready, then the next"
        " (--kubelet-certificate-authority is read only at start)"
    )


@pytest.mark.parametrize("phase", [Phase.STAGE, Phase.DISTRUST])
def test_etcd_members_go_one_at_a_time_before_the_api_servers(phase: Phase) -> None:
    """Each restart has an order of its own, and the next waits for the health of the one before."""
    steps = [step for step in kubernetes_steps(central(), "etcd", phase) if step.action == "restart"]
    assert [(step.program, step.node) for step in steps] == list(product(("etcd", "kube-apiserver"), CONTROL_PLANE))
    orders = [step.order for step in steps]
    assert orders == sorted(set(orders))
    gate = "restart etcd on cp-2, wait until it is healthy, then the next"
    assert steps[1].text == f"{gate} (--trusted-ca-file and --peer-trusted-ca-file are read only at start)"


@pytest.mark.parametrize("phase", Phase)
def test_no_front_proxy_restarts_anything(phase: Phase) -> None:
    """Every reader of the front proxy's CA follows its file; etcd has no part in it."""
    steps = kubernetes_steps(central(), "front-proxy", phase)
    assert {step.action for step in steps} <= {"reloads", "do"}
    assert "etcd" not in {step.program for step in steps}


def test_external_etcd_is_restarted_where_it_runs() -> None:
    """The members on their own nodes, then the API servers; a node of etcd alone has no kubelet of the cluster."""
    desired = central(nodes=NODES + ETCD_NODES)
    assert restarted(desired, "etcd", Phase.STAGE) == {"etcd": ["e-1", "e-2"], "kube-apiserver": CONTROL_PLANE}
    assert restarted(desired, "kubernetes", Phase.STAGE)["kubelet"] == EVERYWHERE
    assert {step.node for step in flags(desired, "etcd") if step.program == "etcd"} == {"e-1", "e-2"}


def test_a_restart_loads_everything_of_its_phase() -> None:
    """Addresses of the files that a program must have read before the next phase begins."""
    steps = kubernetes_steps(copied(nodes=SMALL), "kubernetes", Phase.CLIENTS)
    assert {(step.program, step.node): step.outputs for step in steps if step.outputs} == {
        ("kube-apiserver", "cp-1"): ("component.apiserver-kubelet-client[cp-1]",),
        ("kube-controller-manager", "cp-1"): ("kubeconfig.controller-manager[cp-1]",),
        ("kube-scheduler", "cp-1"): ("kubeconfig.scheduler[cp-1]",),
        ("kubelet", "cp-1"): ("component.kubelet-client[cp-1]",),
        ("kubelet", "w-1"): ("component.kubelet-client[w-1]",),
        ("kube-proxy", "cp-1"): ("component.kube-proxy[cp-1]",),
        ("kube-proxy", "w-1"): ("component.kube-proxy[w-1]",),
        ("elsewhere", None): ("kubeconfig.admin[cp-1]", "kubeconfig.super-admin[cp-1]"),
    }


EXTRA: Final = (
    "components:\n"
    "  jane: {ca: kubernetes, usages: [client auth], store: authority, path: people/jane}\n"
    "  web: {ca: kubernetes, usages: [server auth, client auth], sans: {dns: [web]}, store: authority, path: web}\n"
    "  told: {ca: kubernetes, usages: [client auth], store: authority, path: told, after: [{touch: /told}]}\n"
    "bundles: {mine: {cas: [etcd, kubernetes], store: authority, path: mine.crt}}\n"
)


@pytest.mark.parametrize(
    ("ca", "phase", "wanted"),
    [
        ("kubernetes", Phase.STAGE, ("bundle.mine", "kubeconfig.admin[cp-1]", "kubeconfig.super-admin[cp-1]")),
        ("etcd", Phase.STAGE, ("bundle.mine",)),
        ("kubernetes", Phase.CLIENTS, ("component.jane", "kubeconfig.admin[cp-1]", "kubeconfig.super-admin[cp-1]")),
        ("kubernetes", Phase.SERVERS, ("component.web",)),
    ],
)
def test_what_nobody_in_the_cluster_reads_is_handed_out(ca: str, phase: Phase, wanted: tuple[str, ...]) -> None:
    """People's files and bundles of other names; what a hook tells is told already."""
    step = kubernetes_steps(central(nodes=SMALL, more=EXTRA), ca, phase)[-1]
    assert (step.program, step.action, step.outputs) == ("elsewhere", "do", wanted)


def test_a_long_handout_is_one_line() -> None:
    """Four entries are named, each once, and the rest counted."""
    people = "".join(f"  p{i}: {{ca: kubernetes, usages: [client auth], store: authority, path: p{i}}}\n" for i in range(5))
    step = kubernetes_steps(central(more=f"components:\n{people}"), "kubernetes", Phase.CLIENTS)[-1]
    assert step.text == (
        "hand the new files to whoever else uses or has copied them:"
        " component.p0, component.p1, component.p2, component.p3 and 3 more"
    )
    assert len(step.outputs) == 5 + 3 + 1


def laid_out(layout: str) -> DesiredState:
    """A cluster of each kind, with entries beside the preset's."""
    if layout == "alone":
        return alone("cp-2")
    return copied() if layout == "copied" else central(more=EXTRA, nodes=NODES + ETCD_NODES * (layout == "external"))


@pytest.mark.parametrize(("ca", "phase"), CASES)
@pytest.mark.parametrize("layout", ["central", "copied", "external", "alone"])
def test_everything_a_phase_writes_is_loaded_by_somebody(layout: str, ca: str, phase: Phase) -> None:
    """Trust files, kubeconfigs and certificates of the phase are each an output of some step, and nothing else is."""
    desired = laid_out(layout)
    told = {output for step in kubernetes_steps(desired, ca, phase) for output in step.outputs}
    written: set[str] = set()
    if phase in {Phase.STAGE, Phase.DISTRUST}:
        written.update(bundle.address for bundle in desired.bundles.values() if ca in bundle.cas)
        written.update(kubeconfig.address for kubeconfig in desired.kubeconfigs.values() if ca in kubeconfig.cas)
    if phase in {Phase.CLIENTS, Phase.SERVERS}:
        moving = {
            component.address: component
            for component in desired.components.values()
            if component.ca == ca and not component.after and ("server auth" in component.usages) is (phase is Phase.SERVERS)
        }
        written.update(address for address, component in moving.items() if component.place is not None)
        written.update(each.address for each in desired.kubeconfigs.values() if each.embed and each.component in moving)
    assert {address for address in told if not address.startswith(("ca.", "keypair."))} == written


#: Table 3 of what reads trust only at start, and everything else that a trust flag of ours feeds: program -> settings.
TRUST_INPUTS: Final[dict[str, dict[str, set[str]]]] = {
    "kubernetes": {
        "kube-apiserver": {"--client-ca-file", "--kubelet-certificate-authority"},
        "kube-controller-manager": {"--client-ca-file", "--root-ca-file"},
        "kubelet": {"clientCAFile"},
    },
    "etcd": {
        "etcd": {"--trusted-ca-file", "--peer-trusted-ca-file"},
        "etcdctl": {"--cacert"},
        "kube-apiserver": {"--etcd-cafile"},
    },
    "front-proxy": {
        "kube-apiserver": {"--requestheader-client-ca-file"},
        "kube-controller-manager": {"--requestheader-client-ca-file"},
    },
}
#: The certificate file of each CA where kubeadm has it.
DEFAULTS: Final = {"kubernetes": f"{PKI}/ca.crt", "etcd": f"{PKI}/etcd/ca.crt", "front-proxy": f"{PKI}/front-proxy-ca.crt"}


def pointed(steps: tuple[Step, ...]) -> dict[str, set[str]]:
    """The settings of each program that point steps name."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if step.action == "point":
            found.setdefault(step.program, set()).add(step.text.removeprefix("point ").partition(" ")[0])
    return found


@pytest.mark.parametrize("ca", TRUST_INPUTS)
def test_every_trust_flag_is_known(ca: str) -> None:
    """No reader of a trust file is forgotten, in the flags and in the phase that moves them."""
    assert pointed(flags(central(), ca)) == TRUST_INPUTS[ca]
    assert pointed(kubernetes_steps(alone("cp-1"), ca, Phase.STAGE)) == TRUST_INPUTS[ca]


@pytest.mark.parametrize("ca", TRUST_INPUTS)
def test_where_kubeadms_file_serves_no_flag_moves(ca: str) -> None:
    """With the CAs elsewhere, the trust files are where kubeadm's flags point: listed, and nobody is asked to act."""
    steps = flags(central(), ca)
    assert {(step.action, step.differs) for step in steps} == {("point", False)}
    assert all(f" points at {DEFAULTS[ca]}, as kubeadm has it" in step.text for step in steps)
    assert "point" not in {step.action for phase in Phase for step in kubernetes_steps(central(), ca, phase)}


@pytest.mark.parametrize("ca", TRUST_INPUTS)
@pytest.mark.parametrize("layout", ["copied", "alone"])
def test_beside_a_signing_file_trust_flags_move(layout: str, ca: str) -> None:
    """Each must point at the bundle, as the node sees it; the pair that signs stays, with exactly one certificate."""
    desired = copied() if layout == "copied" else alone("cp-2")
    steps = [step for step in flags(desired, ca) if step.node == "cp-2"]
    own = DEFAULTS[ca]
    moved = [step for step in steps if step.differs]
    assert pointed(tuple(moved)) == TRUST_INPUTS[ca]
    assert all(f" at {own.removesuffix('.crt')}-bundle.crt instead of kubeadm's {own}" in step.text for step in moved)
    on = "of kube-controller-manager on cp-2 points at"
    assert [step.text for step in steps if not step.differs] == (
        [
            f"--cluster-signing-cert-file {on} {PKI}/ca.crt, as kubeadm has it: exactly one certificate",
            f"--cluster-signing-key-file {on} {PKI}/ca.key, as kubeadm has it",
        ]
        if ca == "kubernetes"
        else []
    )


def test_flags_of_the_service_account_key() -> None:
    """Whoever verifies reads the public keys, whoever signs the key."""
    assert [(step.order, step.text, step.outputs) for step in flags(central(nodes=SMALL), "sa")] == [
        (
            1,
            f"--service-account-key-file of kube-apiserver on cp-1 points at {PKI}/sa.pub, as kubeadm has it",
            ("keypair.sa[cp-1]",),
        ),
        (
            2,
            f"--service-account-signing-key-file of kube-apiserver on cp-1 points at {PKI}/sa.key, as kubeadm has it",
            ("keypair.sa[cp-1]",),
        ),
        (
            3,
            f"--service-account-private-key-file of kube-controller-manager on cp-1 points at {PKI}/sa.key, as kubeadm has it",
            ("keypair.sa[cp-1]",),
        ),
    ]


@pytest.mark.parametrize(("root", "seen"), [("/nodes/{node}", PKI), ("/srv/{node}/image/opt", f"/image/opt{PKI}")])
def test_flags_name_files_as_the_node_sees_them(root: str, seen: str) -> None:
    """Neither ``--root`` nor the directory that stands for the node is part of it."""
    stores = CENTRAL.replace("/nodes/{node}", root)
    text = f"apiVersion: cluster-pki/v1\ncluster: demo\nkubernetes: {{preset: kubeadm}}\n{SMALL}{stores}"
    steps = flags(state_of(text, root="/tmp/x"), "etcd")
    assert [(step.program, step.differs, f"{seen}/etcd/ca.crt" in step.text) for step in steps] == [
        (program, seen != PKI, True) for program in ("etcd", "etcd", "etcdctl", "kube-apiserver")
    ]


def test_another_flag_is_a_restart_by_itself() -> None:
    """Where a program reads its trust again by itself, the manifest that moves the flag restarts it: one at a time, told once."""
    steps = [step for step in kubernetes_steps(copied("1.35"), "front-proxy", Phase.STAGE) if step.program == "kube-apiserver"]
    assert [(step.action, step.node) for step in steps] == [
        *(("point", node) for node in CONTROL_PLANE),
        *(("reloads", node) for node in CONTROL_PLANE),
    ]
    assert [step.order for step in steps[:3]] == [1, 2, 3]
    assert steps[0].text == (
        f"point --requestheader-client-ca-file of kube-apiserver on cp-1 at {PKI}/front-proxy-ca-bundle.crt"
        f" instead of kubeadm's {PKI}/front-proxy-ca.crt; a changed manifest restarts it: wait until it is ready, then the next"
    )


@pytest.mark.parametrize("ca", DOMAINS)
def test_flags_move_once(ca: str) -> None:
    """When the first trust file of a rotation is in place; later phases change what stands in it."""
    assert {phase for phase in Phase for step in kubernetes_steps(copied(), ca, phase) if step.action == "point"} == (
        {Phase.STAGE} if ca != "sa" else set()
    )


def test_a_moved_flag_does_not_hide_a_restart() -> None:
    """It may point there since the rotation before: then only the restart loads the new content."""
    steps = kubernetes_steps(alone("cp-1", "1.35"), "kubernetes", Phase.STAGE)
    assert [step.action for step in steps if step.program == "kube-apiserver"] == ["point", "point", "restart", "reloads"]


def test_a_signing_pair_elsewhere_is_told() -> None:
    """A CA that stands at another path of the node: every flag that kubeadm has otherwise is marked."""
    stores = "cas: {kubernetes: {path: etc/pki/root}}\n"
    assert [step.text for step in flags(alone("cp-1", stores=stores), "kubernetes") if step.differs] == [
        f"point {setting} of kube-controller-manager on cp-1 at /etc/pki/root{suffix} instead of kubeadm's {PKI}/ca{suffix}{more}"
        for setting, suffix, more in (
            ("--cluster-signing-cert-file", ".crt", ": exactly one certificate"),
            ("--cluster-signing-key-file", ".key", ""),
        )
    ]


@pytest.mark.parametrize(
    ("kubernetes", "settings"),
    [
        ("{transit: {connection: main, mount: transit, name: k}}", {"--client-ca-file", "--root-ca-file"}),
        ("{store: kv, path: ca}", {"--client-ca-file", "--root-ca-file"}),
        ("{lifetime: 9y}", {"--client-ca-file", "--root-ca-file", "--cluster-signing-cert-file", "--cluster-signing-key-file"}),
    ],
)
def test_no_flag_names_what_is_in_vault(kubernetes: str, settings: set[str]) -> None:
    """Neither a key that never leaves its server, nor a secret in KV, is a file that a program could sign with."""
    stores = f"""{MAIN}stores: {{kv: {{type: vault-kv, connection: main, mount: secret, prefix: demo}}}}
cas: {{kubernetes: {kubernetes}}}
bundles: {{kubernetes: {{store: files}}}}
"""
    steps = [step for step in flags(alone("cp-1", stores=stores), "kubernetes") if step.program == "kube-controller-manager"]
    assert {word for step in steps for word in step.text.split() if word.startswith("--")} == settings


def test_flags_of_a_node_move_before_its_restart() -> None:
    """Flags and restart of a node belong together: the next node waits for both."""
    steps = kubernetes_steps(copied(), "etcd", Phase.STAGE)
    assert [f"{step.action} {step.node}" for step in steps if step.program == "etcd"] == [
        step for node in CONTROL_PLANE for step in (f"point {node}", f"point {node}", f"restart {node}")
    ]
    assert [step.order for step in steps if step.program == "etcd"] == [1, 1, 2, 3, 3, 4, 5, 5, 6]


def test_a_program_that_is_called_each_time_is_not_restarted() -> None:
    """The tool etcdctl is told the new file, and that is all."""
    steps = kubernetes_steps(alone("cp-1"), "etcd", Phase.STAGE)
    assert [(step.action, step.text) for step in steps if step.program == "etcdctl"] == [
        ("point", f"point --cacert of etcdctl on cp-1 at {PKI}/etcd/ca-bundle.crt instead of kubeadm's {PKI}/etcd/ca.crt"),
        ("reloads", "etcdctl on cp-1 reloads by itself: --cacert at the next call"),
    ]


@pytest.mark.parametrize("ca", DOMAINS)
@pytest.mark.parametrize("phase", Phase)
def test_a_worker_is_told_only_its_own(ca: str, phase: Phase) -> None:
    """What concerns the whole cluster is for the nodes that hold it together."""
    programs = {step.program for step in kubernetes_steps(alone("w-1"), ca, phase)}
    assert programs <= ({"kubelet", "kube-proxy"} if ca == "kubernetes" else set())


def test_a_worker_in_the_stage_phase() -> None:
    """Its kubelet's trust moves beside the CA's file, and one restart reads all of it."""
    assert [step.text for step in kubernetes_steps(alone("w-1"), "kubernetes", Phase.STAGE)] == [
        f"point clientCAFile of kubelet on w-1 at {PKI}/ca-bundle.crt instead of kubeadm's {PKI}/ca.crt",
        "restart kubelet on w-1, wait until the node is Ready (--kubeconfig is read only at start)",
    ]


def test_a_kubelet_without_files_of_its_own_still_trusts() -> None:
    """Where kubelets request their certificates themselves, their clientCAFile is ours all the same."""
    more = "components: {kubelet-client: null, kubelet-serving: null}\nkubeconfigs: {kubelet: null}\n"
    steps = kubernetes_steps(central(nodes=SMALL + ETCD_NODES, more=more), "kubernetes", Phase.STAGE)
    assert [step.text for step in steps if step.program == "kubelet"] == [
        f"kubelet on {node} reloads by itself: clientCAFile within 1 minute" for node in ("cp-1", "w-1")
    ]


def test_a_component_under_another_ca_moves_with_it() -> None:
    """The table follows what the desired state says, not what kubeadm would."""
    more = "components: {kubelet-serving: {ca: etcd}}\n"
    desired = central("1.30", nodes=SMALL, more=more)
    assert restarted(desired, "kubernetes", Phase.SERVERS) == {}
    assert restarted(desired, "etcd", Phase.SERVERS) == {"kubelet": ["cp-1", "w-1"]}


@pytest.mark.parametrize(
    ("phase", "words"), [(Phase.STAGE, "both certificates of the CA"), (Phase.DISTRUST, "the new certificate of the CA alone")]
)
def test_objects_of_the_cluster_hold_what_is_trusted(phase: Phase, words: str) -> None:
    """Both while a generation comes in, the new one at the end."""
    texts = {step.program: step.text for step in kubernetes_steps(central(), "kubernetes", phase) if step.action == "do"}
    programs = ("extension-apiserver-authentication", "kube-root-ca.crt", "cluster-info", "webhooks and APIServices")
    assert [words in texts[program] for program in programs] == [True] * 4


@pytest.mark.parametrize(("ca", "phase"), CASES)
@pytest.mark.parametrize("version", ["1.28", "1.36"])
def test_steps_are_lines_in_order(version: str, ca: str, phase: Phase) -> None:
    """Orders begin at 1 without a gap and never fall; a text is one line without placeholders."""
    steps = kubernetes_steps(copied(version), ca, phase)
    orders = [step.order for step in steps]
    assert orders == sorted(orders)
    assert sorted(set(orders)) == list(range(1, len(set(orders)) + 1))
    assert [step.text for step in steps if "\n" in step.text or "{" in step.text or "  " in step.text] == []


def test_without_a_preset_nothing_is_known() -> None:
    """Who reads the files of another PKI, only its hooks say; so does a CA that is not there."""
    desired = replace(copied(), kubernetes=None)
    assert [kubernetes_steps(desired, ca, phase) for ca, phase in product(DOMAINS, Phase)] == [()] * 24
    assert [flags(desired, ca) for ca in DOMAINS] == [()] * 4
    assert (kubernetes_steps(copied(), "other", Phase.STAGE), flags(copied(), "other")) == ((), ())
