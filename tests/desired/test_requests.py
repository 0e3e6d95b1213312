"""Signing requests in the desired state: what is read, what is refused and why, and what becomes of those that are approved."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import AttributeOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.request_files import MAX_REQUEST
from reconciler.desired.request_names import fold, matches
from reconciler.desired.requested import Requested
from tests.requesting import CLIENT, HEAD, KEYS, compiled, csr, diagnostics, entry, key_pem, manifest, said

FILE = "requests/jane.csr"
OBJECT = "requests/jane.yaml"
NODE = "/O=system:nodes/CN=system:node:w-1"
AT = f"{FILE}:1:1: "


def policy(text: str) -> str:
    """A section with a policy for requests, in YAML flow."""
    return f"policy: {{requests: {{{text}}}}}\n"


NOT_WANTED = "which its entry does not want"
KEPT = "which Kubernetes keeps for itself"


def codes(main: str, request: str | bytes, *, file: str = FILE) -> list[str]:
    """The codes of what is said, each once."""
    return sorted({code for code, _ in said(main, {file: request})})


def requested(main: str, request: str, *, file: str = FILE) -> Requested:
    """The one request of a desired state that is valid."""
    (found,) = compiled(main, {file: request}).state.requests.values()
    return found


@pytest.mark.parametrize("key", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"])
def test_requests_of_every_kind_of_key_are_read(key: str) -> None:
    """What openssl makes of a key that can be certified is a request."""
    found = requested(HEAD + entry("lifetime: 90d, approval: approved"), csr(key=key))
    assert (found.facts.key, found.facts.subject.common_name, found.usages) == (key, "jane", ("client auth",))
    assert (found.lifetime, found.renew_before) == (timedelta(days=90), timedelta(days=30))


@pytest.mark.parametrize(
    ("text", "approval", "signed"),
    [("", "pending", False), ("approval: approved", "approved", True), ('approval: denied, reason: "no"', "denied", False)],
)
def test_only_what_is_approved_is_signed_for(text: str, approval: str, *, signed: bool) -> None:
    """Without a word a request waits."""
    state = compiled(HEAD + entry(text), {FILE: csr()}).state
    assert [each.approval for each in state.requests.values()] == [approval]
    assert list(state.components) == (["request.jane"] if signed else [])


def test_a_granted_request_has_no_key_and_a_place() -> None:
    """It is a component whose only file is a certificate."""
    component = compiled(HEAD + entry("approval: approved, path: people/jane"), {FILE: csr()}).state.components["request.jane"]
    assert component.place is not None
    assert (component.place.absolute, component.suffixes, component.rotate_key) == ("/people/jane", (".crt",), False)


def test_a_changed_request_is_a_changed_desired_state() -> None:
    """The digest of what was read covers the file of the request."""
    jane, other = csr(), csr(holder="other")
    assert compile_digest(jane) == compile_digest(jane) != compile_digest(other)


def compile_digest(request: str) -> str:
    """The digest of a desired state with this request."""
    from reconciler.desired.load import load  # noqa: PLC0415
    from tests.desired.memory_source import MemorySource  # noqa: PLC0415

    return load(MemorySource({"cluster-pki.yaml": (HEAD + entry()).encode(), FILE: request.encode()})).sha256


def test_a_request_may_stand_in_an_included_file() -> None:
    """Its file is named from the main file's directory, and mistakes are told at the entry."""
    files: dict[str, str | bytes] = {"people.yaml": entry(), FILE: csr("/CN=bob")}
    (only,) = diagnostics(f"{HEAD}include: [people.yaml]\n", files)
    assert only.span is not None
    assert (only.code, only.span.file, only.span.line) == ("CPK705", "people.yaml", 2)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("requests/none.csr", "requests/none.csr: there is no such file"),
        ("/etc/jane.csr", '"/etc/jane.csr" is absolute'),
        ("../jane.csr", '"../jane.csr" leaves the directory'),
        ("a/../../jane.csr", '"a/../../jane.csr" leaves the directory'),
        ("./jane.csr", '"./jane.csr" is not a plain path'),
        ("requests//jane.csr", '"requests//jane.csr" is not a plain path'),
    ],
)
def test_a_request_lies_beside_the_main_file(path: str, message: str) -> None:
    """Nothing is read from outside of where the desired state comes from."""
    (only,) = diagnostics(HEAD + entry(csr=path), {FILE: csr()})
    assert (only.code, only.message) == ("CPK701", message)
    assert only.span is not None
    assert (only.span.file, only.span.line, only.span.column) == ("cluster-pki.yaml", 5, 15)


def test_a_file_that_cannot_be_read_hides_no_other_mistake() -> None:
    """All mistakes in one run: one request has no file, the other asks for somebody else's name, a component for no CA."""
    other = "  bob: {csr: requests/bob.csr, ca: kubernetes}\ncomponents: {a: {ca: nowhere, usages: [client auth], path: a}}\n"
    found = diagnostics(HEAD + entry(csr="requests/none.csr") + other, {"requests/bob.csr": csr()})
    assert [(each.code, each.span.line if each.span else 0) for each in found] == [("CPK701", 5), ("CPK705", 6), ("CPK201", 7)]


def test_a_large_file_is_no_request() -> None:
    """Its size is looked at before anything parses it."""
    assert codes(HEAD + entry(), csr() + "\n" * MAX_REQUEST) == ["CPK701"]


def flipped(request: str) -> str:
    """The request with one bit of its signature turned."""
    parsed = x509.load_pem_x509_csr(request.encode())
    der = bytearray(parsed.public_bytes(Encoding.DER))
    der[-1] ^= 1
    from reconciler.x509.pem import join  # noqa: PLC0415

    return join("CERTIFICATE REQUEST", bytes(der)).decode()


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        ("", "CPK702"),
        ("jane", "CPK702"),
        (csr()[:-40], "CPK702"),
        (csr() + csr(), "CPK702"),
        (csr().replace("CERTIFICATE REQUEST", "CERTIFICATE"), "CPK702"),
        (csr().replace("MI", "AA", 1), "CPK702"),
        (key_pem(), "CPK702"),
        (csr() + key_pem(), "CPK702"),
        (csr(key="ed448"), "CPK702"),
        (flipped(csr()), "CPK703"),
        (flipped(csr(key="rsa-2048")), "CPK703"),
        (flipped(csr(key="ed25519")), "CPK703"),
        (csr(options=("-utf8", "-sha1")), "CPK703"),
    ],
)
def test_what_is_no_sound_request_is_refused(request_text: str, code: str) -> None:
    """Torn, doubled, of another kind, with its key, or signed by nobody who has it."""
    assert codes(HEAD + entry("approval: approved"), request_text) == [code]


@settings(max_examples=60)
@given(st.binary(max_size=300) | st.integers(0, 400).map(lambda cut: csr().encode()[:cut]))
def test_no_bytes_are_too_odd_to_be_told(data: bytes) -> None:
    """Whatever a file holds, the answer is a diagnostic at its entry."""
    found = diagnostics(HEAD + entry(), {FILE: data})
    assert {each.code for each in found} <= {"CPK702", "CPK703"}
    assert all(each.span is not None and each.span.line == 5 for each in found)


def test_one_key_is_one_requester() -> None:
    """Two requests for one key, of one CA, are one person under two names."""
    main = HEAD + entry() + "  ann: {csr: requests/ann.csr, ca: kubernetes}\n"
    assert said(main, {FILE: csr(), "requests/ann.csr": csr("/CN=ann")}) == [
        ("CPK716", "requests ann and jane are for the same key")
    ]


# --- what may be asked for ---------------------------------------------------------------------------------------------

BEYOND = [
    (csr(key="rsa-1024"), "CPK704", "has a key of type rsa-1024"),
    (csr(key="rsa-e3"), "CPK704", "has an RSA key with the exponent 3"),
    (csr(key="ecdsa-p521"), "CPK704", "has a key of type ec-secp521r1"),
    (csr("/CN=bob"), "CPK705", 'asks for the user "bob"'),
    (csr("/O=dev/CN=jane"), "CPK705", 'asks for the group "dev"'),
    (csr("/OU=x/CN=jane"), "CPK705", 'has "OU=x" in its subject'),
    (csr("/CN=jane/CN=jane"), "CPK705", 'has "2.5.4.3=jane" in its subject'),
    (csr("/CN=jane/emailAddress=a@b.c"), "CPK705", 'has "1.2.840.113549.1.9.1=a@b.c" in its subject'),
    (csr(ext=("subjectAltName=DNS:a.example",)), "CPK706", 'asks for the name "dns:a.example"'),
    (csr(ext=("subjectAltName=IP:192.0.2.1",)), "CPK706", 'asks for the name "ip:192.0.2.1"'),
    (csr(ext=("subjectAltName=URI:spiffe://a/b",)), "CPK706", 'asks for the name "uri:spiffe://a/b"'),
    (csr(ext=("subjectAltName=email:a@example.com",)), "CPK706", 'asks for the name "email:a@example.com"'),
    (csr(ext=("extendedKeyUsage=serverAuth",)), "CPK707", f"asks for the usage server auth, {NOT_WANTED}"),
    (
        csr(ext=("extendedKeyUsage=anyExtendedKeyUsage",)),
        "CPK707",
        f"asks for the usage 2.5.29.37.0, {NOT_WANTED}",
    ),
    (csr(ext=("keyUsage=keyCertSign",)), "CPK707", f"asks for the usage cert sign, {NOT_WANTED}"),
    (csr(ext=("basicConstraints=CA:TRUE",)), "CPK708", "asks to be a CA"),
    (csr(ext=("nameConstraints=permitted;DNS:a",)), "CPK708", "asks for the extension 2.5.29.30"),
    (csr(ext=("1.2.3.4=DER:0500",)), "CPK708", "asks for the extension 1.2.3.4"),
    (csr("/O=system:masters/CN=jane"), "CPK709", 'asks for the group "system:masters", which Kubernetes keeps for itself'),
    (csr("/CN=system:admin"), "CPK709", 'asks for the user "system:admin", which Kubernetes keeps for itself'),
]


@pytest.mark.parametrize(("request_text", "code", "message"), BEYOND)
def test_what_is_asked_beyond_policy_is_told(request_text: str, code: str, message: str) -> None:
    """At the entry and at the file, with a code and a way out; nothing is signed."""
    found = diagnostics(HEAD + entry("approval: approved"), {FILE: request_text})
    assert [(each.code, each.message) for each in found] == [(code, AT + message)]
    assert all(each.hint and each.address == "request.jane" for each in found)


@pytest.mark.parametrize(
    "request_text",
    [
        csr("/CN=jаne"),  # noqa: RUF001 - Cyrillic a
        csr("/O=SYSTEM:masters/CN=jane"),
        csr("/O=ｓystem:masters/CN=jane"),  # noqa: RUF001 - full width
        csr("/O=system :masters/CN=jane"),
        csr("/CN=jane\u200b"),
        csr("/CN=jane,O=system:masters"),
        csr("/CN=jane "),
        csr(ext=("subjectAltName=DNS:a.example.",)),
        csr(ext=("subjectAltName=DNS:a_b.example",)),
        csr(ext=("subjectAltName=DNS:192.0.2.1",)),
        csr(ext=("subjectAltName=DNS:xn--a",)),
        csr(ext=("subjectAltName=IP:::ffff:192.0.2.1",)),
        csr(ext=("subjectAltName=otherName:1.2.3;UTF8:x",)),
    ],
)
def test_look_alikes_are_refused_whatever_policy_allows(request_text: str) -> None:
    """A name that can be mistaken for another is no name."""
    generous = policy('commonNames: ["*"], groups: ["*"], dns: ["*"], ip: ["0.0.0.0/0", "::/0"]')
    assert "CPK710" in codes(HEAD + generous + entry("approval: approved"), request_text)


@pytest.mark.parametrize(
    ("allowed", "request_text", "fields"),
    [
        ('commonNames: ["*"]', csr("/CN=bob"), ""),
        ('commonNames: ["{name}@example.com"]', csr("/CN=jane@example.com"), ""),
        ("groups: [dev]", csr("/O=dev/CN=jane"), ""),
        ('groups: ["team-*"]', csr("/O=team-a/O=team-b/CN=jane"), ""),
        ('dns: ["*.example.com"]', csr(ext=("subjectAltName=DNS:a.example.com",)), ""),
        ('ip: ["192.0.2.0/24"]', csr(ext=("subjectAltName=IP:192.0.2.9",)), ""),
        ('uri: ["spiffe://demo/{name}"]', csr(ext=("subjectAltName=URI:spiffe://demo/jane",)), ""),
        ('email: ["{name}@example.com"]', csr(ext=("subjectAltName=email:jane@example.com",)), ""),
        ('usages: ["server auth"], dns: ["a.example"]', csr(ext=("subjectAltName=DNS:a.example",)), 'usages: ["server auth"]'),
        ("allow: {jane: {commonName: bob}}", csr("/CN=bob"), ""),
        ("allow: {jane: {commonName: jane, groups: ['system:masters']}}", csr("/O=system:masters/CN=jane"), ""),
        (
            "allow: {jane: {commonName: 'system:node:w-1', groups: ['system:nodes']}}",
            csr("/O=system:nodes/CN=system:node:w-1"),
            "",
        ),
        ("allow: {jane: {commonName: Янe}}".replace("Янe", "Яна"), csr("/CN=Яна"), ""),
    ],
)
def test_policy_says_what_may_be_asked_for(allowed: str, request_text: str, fields: str) -> None:
    """By pattern for everybody, to the letter for one."""
    assert said(HEAD + policy(allowed) + entry(fields), {FILE: request_text}) == []


@pytest.mark.parametrize(
    ("allowed", "request_text"),
    [
        ('groups: ["*"], commonNames: ["*"]', csr("/O=system:masters/CN=jane")),
        ("allow: {jane: {groups: ['system:masters']}}", csr("/O=system:masters/CN=jane")),
        ("allow: {jane: {commonName: ann, groups: ['system:masters']}}", csr("/O=system:masters/CN=jane")),
        ("groups: ['system:masters']", csr("/O=system:masters/CN=jane")),
        ('commonNames: ["system:*"]', csr("/CN=system:node:w-1")),
    ],
)
def test_reserved_names_need_user_and_group_by_name(allowed: str, request_text: str) -> None:
    """No pattern covers them."""
    assert "CPK709" in codes(HEAD + policy(allowed) + entry(), request_text)


def test_a_request_without_a_user_is_for_nobody() -> None:
    """Kubernetes reads the common name as the user."""
    assert said(HEAD + policy("groups: [dev]") + entry(), {FILE: csr("/O=dev")}) == [("CPK705", f"{AT}has no common name")]


def test_keys_can_be_narrowed() -> None:
    """`policy.requests.keys`."""
    assert codes(HEAD + policy("keys: [ed25519]") + entry(), csr()) == ["CPK704"]


def test_attributes_do_not_belong_into_a_repository() -> None:
    """A challenge password is a secret that anybody can read there."""
    key = load_pem_private_key(key_pem().encode(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    builder = x509.CertificateSigningRequestBuilder(name).add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"secret")
    request = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()  # type: ignore[arg-type]
    assert said(HEAD + entry(), {FILE: request}) == [("CPK708", f"{AT}holds a challenge password")]


@pytest.mark.parametrize(
    ("main", "code"),
    [
        (entry("lifetime: 2y"), "CPK711"),
        (policy("maxLifetime: 30d") + entry("lifetime: 31d"), "CPK711"),
        ("policy: {maxLifetime: 30d}\n" + entry("lifetime: 31d"), "CPK711"),
        (entry("lifetime: 30d, renewBefore: 30d"), "CPK303"),
        (entry("approval: denied"), "CPK715"),
        (entry(ca="ca: kubernets, "), "CPK201"),
        (entry(ca=""), "CPK714"),
        (entry("store: nowhere"), "CPK204"),
        (entry("path: ../jane"), "CPK225"),
        (entry("path: ca"), "CPK207"),
        (policy("allow: {jan: {commonName: jan}}") + entry(), "CPK717"),
        (policy('ip: ["192.0.2.0/33"]') + entry(), "CPK717"),
        (entry("usages: [server auth]"), "CPK707"),
    ],
)
def test_entries_that_cannot_be_carried_out_are_told(main: str, code: str) -> None:
    """Each with its code, at the file."""
    assert code in codes(
        HEAD + main.replace("{csr", "{approval: approved, csr") if "approval" not in main else HEAD + main, csr()
    )


def digest(text: str) -> str:
    """What an approval of a file says."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize(("file", "text"), [(FILE, csr()), (OBJECT, manifest(csr()))], ids=["a request", "a Kubernetes object"])
@pytest.mark.parametrize("required", [False, True], ids=["by itself", "as policy wants it"])
def test_an_approval_with_a_digest_is_for_one_file(file: str, text: str, *, required: bool) -> None:
    """To the byte. What is not approved may be anything: that is how another one is put forward."""
    head = HEAD + policy(f"requireDigest: {str(required).lower()}")
    approved = entry(f"approval: approved, digest: {digest(text)}", csr=file)
    found = requested(head + approved, text, file=file)
    assert (found.digest, found.pinned) == (digest(text), True)
    message = f"{file}:1:1: another request was approved: this one is {digest(text + chr(10))}"
    assert said(head + approved, {file: text + "\n"}) == [("CPK718", message)]
    for other in ("approval: pending", "approval: denied, reason: who is that?"):
        assert said(head + approved.replace("approval: approved", other), {file: text + "\n"}) == []


def test_policy_may_want_every_approval_to_name_its_file() -> None:
    """Without that, an approval is for whatever stands in it."""
    approved = entry("approval: approved")
    assert (requested(HEAD + approved, csr()).pinned, requested(HEAD + approved, csr()).digest) == (False, digest(csr()))
    ((code, message),) = said(HEAD + policy("requireDigest: true") + approved, {FILE: csr()})
    assert (code, message) == (
        "CPK718",
        "policy.requests.requireDigest: it is approved, and nothing says which request was looked at",
    )
    assert said(HEAD + policy("requireDigest: true") + entry(), {FILE: csr()}) == []


@pytest.mark.parametrize("text", ["sha256:abc", "abc", "sha512:" + "a" * 64, "sha256:" + "A" * 64])
def test_a_digest_is_what_sha256sum_prints(text: str) -> None:
    """And nothing like it."""
    main = HEAD + entry(f'approval: approved, digest: "{text}"')
    assert said(main, {FILE: csr()}) == [("CPK105", f'requests.jane.digest: "{text}" is not a digest')]


def test_a_ca_outside_signs_no_requests_here() -> None:
    """Who keeps its key has to be asked."""
    main = HEAD.replace("{path: ca}", "{path: ca, issuer: {external: {}}}") + entry("approval: approved")
    assert said(main, {FILE: csr()}) == [("CPK714", "nobody here has the key of CA kubernetes")]


def test_lifetimes_default_to_what_policy_leaves() -> None:
    """A year, unless less is allowed."""
    found = requested(HEAD + policy("maxLifetime: 30d") + entry(), csr())
    assert (found.lifetime, found.renew_before) == (timedelta(days=30), timedelta(days=10))


# --- Kubernetes objects ------------------------------------------------------------------------------------------------

NODE_POLICY = policy(
    "dns: ['*'], ip: ['0.0.0.0/0'], uri: ['*:*'], usages: [client auth, server auth, digital signature, key encipherment], "
    "allow: {jane: {commonName: 'system:node:w-1', groups: ['system:nodes'], uri: ['spiffe://a/b']}}"
)
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING = "kubernetes.io/kubelet-serving"
SAN = "subjectAltName="
SIGNATURE = "digital signature"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (manifest(csr()), None),
        (manifest(csr(), usages=("client auth", SIGNATURE, "key encipherment")), None),
        (manifest(csr(), expirationSeconds=600), None),
        (manifest(csr()).replace("name: jane", "name: node-csr-9.X_a:b"), None),
        (manifest(csr(), username="jane", groups=["dev"], uid="1", extra={"a": ["b"]}), None),
        (manifest(csr(NODE), signer=KUBELET, usages=("client auth", SIGNATURE)), None),
        (manifest(csr(NODE, ext=("subjectAltName=DNS:w-1",)), signer=SERVING, usages=("server auth", SIGNATURE)), None),
        (manifest(csr(), expirationSeconds=599), "10:22: 599 seconds are less than 600"),
        (manifest(csr(), usages=("digital signature",)), f"9:3: {CLIENT} needs client auth"),
        (manifest(csr(), usages=("client auth", "server auth")), f"9:3: {CLIENT} does not certify server auth"),
        (manifest(csr(), usages=("client auth", "any")), "9:3: any cannot be certified"),
        (manifest(csr(), signer="kubernetes.io/legacy-unknown"), "7:15: kubernetes.io/legacy-unknown signs nothing that"),
        (
            manifest(csr(), signer="kubernetes.io/kube-apiserver-serving"),
            "7:15: kubernetes.io/kube-apiserver-serving",
        ),
        (manifest(csr(), signer="signer"), '7:15: "signer" is not the name of a signer'),
        (manifest(csr("/O=system:masters/CN=system:node:w-1")), f"6:12: {CLIENT} never certifies system:masters"),
        (manifest(csr(NODE), signer=KUBELET), f"9:3: {KUBELET} needs digital signature"),
        (manifest(csr("/CN=system:node:w-1"), signer=KUBELET, usages=("client auth", SIGNATURE)), "6:12: "),
        (
            manifest(csr("/O=system:nodes/CN=jane"), signer=KUBELET, usages=("client auth", SIGNATURE)),
            f"6:12: {KUBELET} certifies names that begin with system:node:",
        ),
        (
            manifest(csr(NODE, ext=("subjectAltName=DNS:w-1",)), signer=KUBELET, usages=("client auth", SIGNATURE)),
            f"6:12: {KUBELET} certifies no subject alternative name",
        ),
        (
            manifest(csr(NODE), signer=SERVING, usages=("server auth", SIGNATURE)),
            f"6:12: {SERVING} certifies DNS names and IP addresses, one at least",
        ),
        (
            manifest(
                csr(NODE, ext=("subjectAltName=DNS:w-1,URI:spiffe://a/b",)), signer=SERVING, usages=("server auth", SIGNATURE)
            ),
            f"6:12: {SERVING} certifies DNS names and IP addresses, one at least",
        ),
    ],
)
def test_the_built_in_signers_have_their_rules(text: str, flaw: str | None) -> None:
    """What kube-controller-manager would refuse is refused in the pull request, at its place in the object."""
    found = [
        each.message
        for each in diagnostics(HEAD + NODE_POLICY + entry("ca: kubernetes", csr=OBJECT, ca=""), {OBJECT: text})
        if each.code == "CPK713"
    ]
    if flaw is None:
        assert found == []
    else:
        assert any(message.startswith(f"{OBJECT}:{flaw}") for message in found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "CPK005"),
        ("[]", "CPK010"),
        ("apiVersion: v1\nkind: Secret\n", "CPK712"),
        (manifest(csr()).replace("v1\n", "v1beta1\n", 1), "CPK712"),
        (manifest(csr()) + "status: {certificate: YQ==}\n", "CPK712"),
        (manifest(csr()) + "data: {}\n", "CPK712"),
        (manifest(csr(), passwort="x"), "CPK712"),
        (manifest(csr(), expirationSeconds="1h"), "CPK712"),
        (manifest(csr(), expirationSeconds=2**31), "CPK712"),
        (manifest(csr(), request="%"), "CPK712"),
        (manifest(csr(), username=5), "CPK712"),
        (manifest(csr(), groups="dev"), "CPK712"),
        (manifest(csr(), groups=[1]), "CPK712"),
        (manifest(csr(), extra={"a": "b"}), "CPK712"),
        (manifest(csr()).replace("name: jane", "name: ../jane"), "CPK712"),
        (manifest(csr()).replace("name: jane", "name: .."), "CPK712"),
        (manifest(csr()).replace("name: jane", f"name: {'a' * 254}"), "CPK712"),
        (manifest("jane"), "CPK702"),
        (manifest(flipped(csr())), "CPK703"),
        (manifest(csr("/CN=bob")), "CPK705"),
        (manifest(csr(), signer="example.com/people"), "CPK714"),
    ],
)
def test_what_is_no_sound_object_is_refused(text: str, code: str) -> None:
    """By the code of what is wrong with it."""
    assert codes(HEAD + entry(csr=OBJECT, ca=""), text, file=OBJECT)[:1] == [code]


def test_what_kubectl_prints_is_read() -> None:
    """With the empty fields that it adds, as YAML and as JSON."""
    printed = yaml.safe_load(manifest(csr()))
    printed["metadata"]["creationTimestamp"] = None
    printed["status"] = {}
    for file, text in ((OBJECT, yaml.safe_dump(printed)), ("requests/jane.json", json.dumps(printed, indent=4))):
        assert said(HEAD + entry(csr=file, ca=""), {file: text}) == []


@pytest.mark.parametrize("text", [key_pem(), f"a: |\n{key_pem()}", f"a: [\n{key_pem()}", manifest(key_pem())])
def test_a_key_in_an_object_is_told_and_never_shown(text: str) -> None:
    """Whatever else is wrong with the file: no line of it is pointed at."""
    (only,) = diagnostics(HEAD + entry(csr=OBJECT, ca=""), {OBJECT: text})
    assert (only.code, only.span.file if only.span else "") == ("CPK702", "cluster-pki.yaml")
    assert only.message.endswith("it holds a private key")


def test_a_signer_of_ones_own_needs_a_ca() -> None:
    """Which then signs it by its own usages."""
    text = manifest(csr(), signer="example.com/people")
    found = requested(HEAD + entry(csr=OBJECT), text, file=OBJECT)
    assert (found.signer, found.ca, found.usages) == ("example.com/people", "kubernetes", ("client auth",))


@pytest.mark.parametrize(
    ("seconds", "fields", "span"),
    [
        (None, "", timedelta(days=365)),
        (None, "lifetime: 90d", timedelta(days=90)),
        (86400, "", timedelta(days=1)),
        (86400, "lifetime: 12h", timedelta(hours=12)),
        (400 * 86400, "", timedelta(days=365)),
        (3600, "", timedelta(minutes=65)),
        (600, "", timedelta(seconds=666)),
    ],
)
def test_the_lifetime_is_what_the_signer_would_give(seconds: int | None, fields: str, span: timedelta) -> None:
    """The least of all wishes; what lives less than eight hours gets the minutes of back-dating on top."""
    extra: dict[str, object] = {} if seconds is None else {"expirationSeconds": seconds}
    assert (
        requested(
            HEAD + entry(fields, csr=OBJECT), manifest(csr(), signer=CLIENT, usages=("client auth",), **extra), file=OBJECT
        ).lifetime
        == span
    )


def test_the_entry_cannot_ask_for_other_usages_than_the_object() -> None:
    """There are not two truths."""
    main = HEAD + entry("usages: [server auth]", csr=OBJECT)
    assert codes(main, manifest(csr()), file=OBJECT) == ["CPK713"]
    assert codes(HEAD + entry("usages: [client auth]", csr=OBJECT), manifest(csr()), file=OBJECT) == []


# --- names -------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=20), st.lists(st.text(alphabet="ab*{name}:", max_size=6), max_size=4))
def test_no_pattern_without_a_colon_covers_a_reserved_name(tail: str, patterns: list[str]) -> None:
    """`*` stops at colons."""
    assert not matches(f"system:{tail}", [each.replace(":", "") for each in patterns], name="jane")


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("team-a", "team-*", True),
        ("team-", "team-*", True),
        ("team", "team-*", False),
        ("a-b-c", "a*b*c", True),
        ("abc", "ab*bc", False),
        ("abab", "ab*ab", True),
        ("a-x-b-x", "a*x*x", True),
        ("a:b", "*", False),
        ("a:b", "*:*", True),
        ("oidc:dev", "oidc:*", True),
        ("oidc:a:b", "oidc:*", False),
        ("a.b", "a?b", False),
        ("jane-laptop", "{name}-*", True),
        ("", "*", True),
        ("dev\n", "dev", False),
    ],
)
def test_patterns_have_one_sign(text: str, pattern: str, *, fits: bool) -> None:
    """A star, for anything but colons."""
    assert matches(text, [pattern], name="jane") is fits


@given(st.text(alphabet="ab:", max_size=9), st.text(alphabet="ab:*", max_size=6))
def test_a_pattern_is_what_its_regular_expression_would_be(text: str, pattern: str) -> None:
    """Of which it has none, because of what comes next."""
    expected = re.fullmatch("[^:]*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert matches(text, [pattern], name="") is expected


def test_a_long_name_costs_no_time() -> None:
    """Whoever asks chooses it; a backtracking search would take hours, and hold up every pull request."""
    assert not matches("a/" * 30_000 + "!", ["*/*/*/*/*/b"], name="jane")


@pytest.mark.parametrize("text", ["system:a", "SYSTEM:a", "Sy stem:a", "ｓystem:a", "sy\u0301stem:a"])  # noqa: RUF001
def test_folding_undoes_what_eyes_overlook(text: str) -> None:
    """Case, width, marks and spaces."""
    assert fold(text) == "system:a"


def test_every_kind_of_key_of_these_tests_is_made_by_openssl() -> None:
    """The helper's table and what it makes agree."""
    assert all("PRIVATE KEY" in key_pem(kind) for kind in KEYS)
