"""Every profile that we issue, before three judges who know nothing of us: openssl, GnuTLS, ``cryptography``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.x509.build import issue, self_signed
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import Request, lint
from reconciler.x509.read import Certificate
from reconciler.x509.verify import chain_problem
from tests import builders
from tests.builders import YEAR, Pair, forge, make_key, raw_key
from tests.x509 import judges

# Judges read the machine's clock: what they see is issued now.
NOW = datetime.now(UTC).replace(microsecond=0)
make_ca = partial(builders.make_ca, now=NOW)
make_leaf = partial(builders.make_leaf, now=NOW)
NAMES = ("dns:api.example.com", "dns:*.svc.example.com", "ip:192.0.2.11", "ip:2001:db8::1")
PLAIN = ("dns:api.example.com",)
CONSTRAINTS = NameConstraints(
    permitted=("dns:example.com", "ip:192.0.2.0/24", "ip:2001:db8::/32"), excluded=("dns:secret.example.com",)
)
ROOT = make_ca("root")
INTER = make_ca("inter", parent=ROOT, path_length=0)


def verdicts(
    chain: Sequence[Certificate],
    roots: Sequence[Certificate],
    tmp: Path,
    *,
    usage: str = "server auth",
    at: datetime = NOW,
    names: Sequence[str] = (),
) -> list[str]:
    """What all judges say, our own among them; empty when all accept."""
    ours = chain_problem(chain, roots, at=at, usage=usage)
    # A wildcard is checked by a name that it covers.
    names = [name.replace("*", "any") for name in names]
    return [
        *([f"ours: {ours}"] if ours else []),
        *judges.openssl(chain, roots, usage=usage, at=at, names=names, tmp=tmp),
        *(judges.certtool(chain, roots, usage=usage, tmp=tmp) if at == NOW else ()),
        *(
            []
            if any(certificate.facts.key == "ed25519" for certificate in (*chain, *roots))  # not among the web's algorithms
            else judges.cryptography(chain, roots, usage=usage, at=at, names=names)
        ),
    ]


@pytest.mark.parametrize(
    ("leaf", "usage"),
    [
        (make_leaf(ROOT, sans=NAMES), "server auth"),
        (make_leaf(ROOT, "x", sans=(), usages=("client auth",)), "client auth"),
        (make_leaf(ROOT, "x", organizations=("system:nodes",), sans=(), usages=("client auth",)), "client auth"),
        (make_leaf(ROOT, sans=NAMES, usages=("server auth", "client auth")), "server auth"),
        (make_leaf(ROOT, sans=NAMES, usages=("server auth", "client auth")), "client auth"),
        (make_leaf(ROOT, "", sans=NAMES), "server auth"),
        (make_leaf(ROOT, "", sans=("uri:spiffe://td.example/ns/a",), usages=("client auth",)), "client auth"),
        (make_leaf(ROOT, "jane", sans=("email:jane@example.com",), usages=("email protection",)), "email protection"),
        (make_leaf(ROOT, sans=NAMES, key_usages=("key encipherment",)), "server auth"),
        (make_leaf(INTER, sans=NAMES), "server auth"),
        (make_leaf(make_ca("lower", parent=make_ca("upper", parent=ROOT, path_length=1)), sans=NAMES), "server auth"),
        (make_leaf(make_ca("narrow", parent=ROOT, name_constraints=CONSTRAINTS), sans=NAMES), "server auth"),
        (make_leaf(make_ca("narrow root", name_constraints=CONSTRAINTS), sans=NAMES), "server auth"),
        (make_leaf(make_ca("clients", parent=ROOT, usages=("client auth",)), usages=("client auth",)), "client auth"),
        (make_leaf(make_ca("etcd-ca", sans=("dns:etcd-ca",)), sans=NAMES), "server auth"),
    ],
    ids=[
        "server",
        "client",
        "node",
        "both-as-server",
        "both-as-client",
        "no-subject",
        "spiffe",
        "email",
        "key-encipherment",
        "intermediate",
        "two-intermediates",
        "constrained",
        "constrained-root",
        "clients-only",
        "ca-with-name",
    ],
)
def test_profiles(leaf: Pair, usage: str, tmp_path: Path) -> None:
    """Each shape of leaf and chain is accepted for its purpose and by each of its names."""
    assert verdicts(leaf.chain, [leaf.root], tmp_path, usage=usage, names=leaf.certificate.facts.sans) == []


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_keys(algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    """Each algorithm is accepted for the root, the intermediate and the leaf."""
    key = make_key("judged", algorithm)
    root = make_ca("root of its kind", key=key)
    inter = make_ca("inter of its kind", parent=root, key=key, path_length=0)
    leaf = make_leaf(inter, key=key, sans=NAMES, usages=("server auth", "client auth"))
    assert verdicts(leaf.chain, [root.certificate], tmp_path, names=NAMES) == []
    assert verdicts(leaf.chain, [root.certificate], tmp_path, usage="client auth") == []


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2050, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_far_dates(instant: datetime, tmp_path: Path) -> None:
    """A root and a leaf that end together, around the changes of encoding, now and a day before the end."""
    request = Request(subject=Subject(common_name="far"), is_ca=True, not_before=NOW, not_after=instant, serial=1 << 90)
    root = Pair(certificate=self_signed(request, make_key("far")), key=make_key("far"))
    asked = replace(request, is_ca=False, subject=Subject(common_name="leaf"), sans=NAMES, usages=("server auth",))
    leaf = issue(asked, make_key().public_key, root.certificate, root.key)
    for at in (NOW, instant - timedelta(days=1)):
        assert verdicts([leaf], [root.certificate], tmp_path, at=at, names=NAMES) == []


BY_ALL = {"ours", "openssl", "certtool", "cryptography"}


@pytest.mark.parametrize("turned", [False, True])
def test_two_cas_of_one_name(turned: bool, tmp_path: Path) -> None:
    """A rotated CA keeps its name: with both in the bundle each leaf finds its own; alone the wrong one is refused."""
    old, new = make_ca("kubernetes-ca", key=make_key("old")), make_ca("kubernetes-ca", key=make_key("new"))
    both = [new.certificate, old.certificate] if turned else [old.certificate, new.certificate]
    for ca, other in ((old, new), (new, old)):
        leaf = make_leaf(ca, sans=NAMES)
        assert leaf.certificate.facts.aki == ca.certificate.facts.ski != other.certificate.facts.ski
        assert verdicts(leaf.chain, both, tmp_path, names=NAMES) == []
        refusals = verdicts(leaf.chain, [other.certificate], tmp_path, names=NAMES)
        assert {refusal.partition(":")[0].split()[0] for refusal in refusals} == BY_ALL


def test_the_judges_do_judge(tmp_path: Path) -> None:
    """A forged leaf and a client in a server's place are refused by every one: a judge that accepts all proves nothing."""
    forged = forge("l", issuer="root", signer=raw_key("thief"), not_before=NOW, not_after=NOW + YEAR)
    client = make_leaf(ROOT, sans=PLAIN, usages=("client auth",)).certificate
    for leaf in (forged, client):
        refusals = verdicts([leaf], [ROOT.certificate], tmp_path, names=PLAIN)
        assert {refusal.partition(":")[0].split()[0] for refusal in refusals} == BY_ALL


LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
DNS = st.builds(lambda labels: f"dns:{'.'.join([*labels, 'example'])}", st.lists(LABEL, min_size=1, max_size=4))
IP = st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None)).map(lambda ip: f"ip:{ip}")
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)
REQUESTS = st.builds(
    Request,
    subject=st.builds(
        Subject,
        common_name=TEXT | st.just(""),
        organizations=st.lists(TEXT, max_size=3).map(tuple),
        organizational_units=st.lists(TEXT, max_size=2).map(tuple),
        localities=st.lists(TEXT, max_size=1).map(tuple),
    ),
    sans=st.lists(DNS | IP, min_size=1, max_size=5, unique=True).map(tuple),
    usages=st.sampled_from([("server auth",), ("server auth", "client auth")]),
    key_usages=st.sampled_from([(), ("key encipherment",), ("content commitment",)]),
    not_before=st.integers(0, 300).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    not_after=st.integers(3600, 9 * 365 * 86400).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    serial=st.integers(1, (1 << 159) - 1),
)


@settings(max_examples=100)
@given(REQUESTS)
def test_what_is_asked_for_comes_out(request_: Request) -> None:
    """Any request that passes lint comes out as asked, and our path check and that of ``cryptography`` accept it."""
    assert lint(request_, INTER.certificate.facts) == ()
    leaf = issue(request_, make_key().public_key, INTER.certificate, INTER.key)
    facts = leaf.facts
    assert facts.subject == request_.subject
    assert facts.sans == tuple(sorted(request_.sans))
    assert facts.usages == tuple(sorted(request_.usages))
    assert (facts.not_before, facts.not_after) == (request_.not_before, request_.not_after)
    assert int(facts.serial, 16) == request_.serial
    chain = [leaf, INTER.certificate]
    assert chain_problem(chain, [ROOT.certificate], at=NOW, usage="server auth") is None
    assert judges.cryptography(chain, [ROOT.certificate], usage="server auth", at=NOW, names=request_.sans) == []


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request_=REQUESTS)
def test_every_judge_accepts_any_request(request_: Request, tmp_path: Path) -> None:
    """The same before all judges; few examples, because each starts processes."""
    leaf = issue(request_, make_key().public_key, INTER.certificate, INTER.key)
    assert verdicts([leaf, INTER.certificate], [ROOT.certificate], tmp_path, names=request_.sans) == []


def test_a_missing_judge_is_an_error() -> None:
    """Tests without their judges fail, and say what to install."""
    with pytest.raises(AssertionError, match="no-such-judge is needed"):
        judges.run("no-such-judge")


def test_validity_of_a_leaf_in_its_cas_last_year(tmp_path: Path) -> None:
    """A leaf asked for beyond its CA's end ends with it, and both are accepted until then."""
    ca = make_ca("ending", lifetime=YEAR / 2)
    leaf = make_leaf(ca, sans=NAMES)
    assert leaf.certificate.facts.not_after == ca.certificate.facts.not_after
    end = ca.certificate.facts.not_after
    assert verdicts(leaf.chain, [ca.certificate], tmp_path, at=end - timedelta(seconds=1), names=NAMES) == []
    assert len(verdicts(leaf.chain, [ca.certificate], tmp_path, at=end + timedelta(seconds=1), names=NAMES)) >= 3
