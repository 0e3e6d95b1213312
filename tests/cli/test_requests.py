"""Signing requests through the real commands: signed, judged by openssl, renewed by the clock, taken back."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from tests.inprocess import Home, Said
from tests.requesting import csr, key_pem, manifest

HEAD = "apiVersion: cluster-pki/v1\ncluster: demo\ncas: {kubernetes: {path: ca, crl: {path: ca.crl}}}\n"
COMMIT = ("--path", "cluster-pki.yaml", "--git")
APPROVED = "approval: approved, lifetime: 90d, path: people/jane"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty directory with a place for requests."""
    (tmp_path / "requests").mkdir()
    return Home(path=tmp_path)


def ask(
    home: Home, fields: str = APPROVED, *, request: str | None = None, file: str = "requests/jane.csr", more: str = ""
) -> None:
    """Writes a desired state with one request, and the request if there is a new one."""
    home.write(f"{HEAD}requests:\n  jane: {{csr: {file}, ca: kubernetes, {fields}}}\n{more}")
    if request is not None:
        (home.path / file).write_text(request)


def at(home: Home, when: datetime, command: str, *arguments: str) -> Said:
    """A command at another time."""
    with ExitStack() as stack:
        for module in ("apply", "plan", "status"):
            stack.enter_context(mock.patch(f"reconciler.cli.{module}.wall_clock", return_value=when))
        return home.call(command, *arguments)


def openssl(*arguments: str | Path) -> str:
    """What openssl says; it must agree."""
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def audit(home: Home) -> list[dict[str, Any]]:
    """The entries of the audit log."""
    return [json.loads(line) for line in (home.path / "state" / "audit.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("key", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"])
def test_an_approved_request_becomes_a_certificate(home: Home, key: str) -> None:
    """OpenSSL accepts it for its owner's key and purpose; no key is written; a plan afterwards is empty."""
    ask(home, request=csr(key=key))
    assert home.plan().changes()["request.jane"] == ("create", ("Missing",))
    assert home.apply().code == 0
    certificate, authority = home.path / "people/jane.crt", home.path / "ca.crt"
    assert openssl("verify", "-CAfile", authority, "-purpose", "sslclient", certificate) == f"{certificate}: OK\n"
    (home.path / "key").write_text(key_pem(key))
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl("pkey", "-in", home.path / "key", "-pubout")
    assert openssl("x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253") == "subject=CN=jane\n"
    written = [path for path in (home.path / "people").rglob("*") if path.is_file()]
    assert certificate in written
    assert not [path for path in written if path.suffix == ".key" or b"PRIVATE KEY" in path.read_bytes()]
    assert home.plan("--detailed-exitcode").code == 0


def test_the_subject_is_the_requests_own_to_the_byte(home: Home) -> None:
    """Order and encoding of its attributes stay."""
    more = "policy: {requests: {groups: [dev, ops], commonNames: [jane]}}\n"
    request = csr("/O=ops/CN=jane/O=dev", options=())
    ask(home, request=request, more=more)
    assert home.apply().code == 0
    shown = ("-noout", "-subject", "-nameopt", "show_type,sep_comma_plus")
    asked = openssl("req", "-in", home.path / "requests/jane.csr", *shown)
    assert openssl("x509", "-in", home.path / "people/jane.crt", *shown) == asked


def test_a_request_that_waits_is_shown(home: Home) -> None:
    """In the plan with who asks for what, in the status as suspended; nothing comes of it."""
    ask(home, "path: people/jane", request=csr())
    home.apply()
    (told,) = home.plan().json["diagnostics"]
    assert (told["code"], told["severity"], told["address"]) == ("request-pending", "warning", "request.jane")
    assert told["detail"] == "CN=jane asks ca.kubernetes for client auth. Nothing is signed."
    rows = {row["address"]: row for row in home.call("status", "--format", "json").json["resources"]}
    row = rows["request.jane"]
    assert (row["type"], row["approval"], row["health"], row["subject"]) == ("request", "pending", "Suspended", "CN=jane")
    assert not (home.path / "people").exists()


def test_a_denial_is_on_record_once(home: Home) -> None:
    """With its reason; again only when it is another."""
    denial = 'approval: denied, reason: "on a shared machine", path: people/jane'
    ask(home, denial, request=csr())
    for _ in range(2):
        assert home.apply().code == 0
    ask(home, denial.replace("shared", "stolen"))
    home.apply()
    notes = [(entry["address"], entry["note"]) for entry in audit(home) if entry["operation"] == "deny"]
    assert notes == [("request.jane", "CN=jane: on a shared machine"), ("request.jane", "CN=jane: on a stolen machine")]
    assert home.plan("--detailed-exitcode").code == 0
    assert not (home.path / "people").exists()


def test_an_unchanged_request_is_signed_again_before_its_certificate_ends(home: Home) -> None:
    """For the same key, as often as it takes, while it is approved."""
    ask(home, request=csr())
    home.apply()
    first = serial(home)
    later = datetime.now(UTC) + timedelta(days=61)
    assert at(home, later, "plan", "--format", "json").changes()["request.jane"] == ("reissue", ("RenewalDue",))
    assert at(home, later, "apply", "--auto-approve").code == 0
    assert serial(home) != first
    assert at(home, later, "plan", "--detailed-exitcode").code == 0
    assert [entry["operation"] for entry in audit(home) if entry["address"] == "request.jane"] == ["create", "reissue"]


def serial(home: Home, path: str = "people/jane") -> str:
    """Of the certificate that is there."""
    return openssl("x509", "-in", home.path / f"{path}.crt", "-noout", "-serial").strip().removeprefix("serial=").lower()


@pytest.mark.parametrize("pending", [True, False])
def test_what_waits_again_is_not_renewed(home: Home, *, pending: bool) -> None:
    """The certificate stays until it ends, or until it is denied."""
    ask(home, request=csr())
    home.apply()
    ask(home, APPROVED.replace("approved", "pending" if pending else "approved"))
    later = datetime.now(UTC) + timedelta(days=61)
    assert ("request.jane" in at(home, later, "plan", "--format", "json").changes()) is not pending
    home.apply()
    assert (home.path / "people/jane.crt").exists()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (None, "the request was withdrawn"),
        ('approval: denied, reason: "left the team", path: people/jane', "the request was denied: left the team"),
    ],
)
def test_withdrawing_revokes(home: Home, fields: str | None, why: str) -> None:
    """The entry goes, or is denied: the files go, the list of the CA names the serial, and who will notice is told."""
    ask(home, request=csr())
    home.apply()
    number = serial(home)
    if fields is None:
        home.write(HEAD)
    else:
        ask(home, fields)
    plan = home.plan().json
    (change,) = [each for each in plan["resource_changes"] if each["address"] == "request.jane"]
    assert (change["change"]["class"], change["change"]["reasons"][0]["message"]) == ("destroy", why)
    (told,) = [each for each in plan["diagnostics"] if each["code"] == "revocation-effect"]
    assert "kube-apiserver will not notice" in told["summary"]
    assert home.apply().code == 0
    assert not (home.path / "people/jane.crt").exists()
    assert number.upper() in openssl("crl", "-in", home.path / "ca.crl", "-noout", "-text")
    assert home.plan("--detailed-exitcode").code == 0


@pytest.mark.parametrize("change", ["renewal", "key", "path"])
def test_withdrawing_revokes_all_that_was_signed(home: Home, change: str) -> None:
    """Whoever asked has kept the certificates before the last one, which work until they end."""
    ask(home, request=csr())
    home.apply()
    numbers = [serial(home)]
    for moved in ("people/a", "people/b"):
        if change == "key":
            (home.path / "requests/jane.csr").write_text(csr(holder=moved))
        ask(home, APPROVED.replace("people/jane", moved) if change == "path" else f"{APPROVED}, reissue: {moved}")
        home.apply()
        numbers.append(serial(home, moved if change == "path" else "people/jane"))
    home.write(HEAD)
    told = [each["summary"] for each in home.plan().json["diagnostics"] if each["code"] == "revocation-effect"]
    assert home.apply().code == 0
    listed = openssl("crl", "-in", home.path / "ca.crl", "-noout", "-text").lower()
    assert len(set(numbers)) == 3
    assert [number in listed for number in numbers] == [True] * 3
    assert all(any(number.lstrip("0") in summary for summary in told) for number in numbers)
    assert home.plan("--detailed-exitcode").code == 0


def test_another_name_for_the_same_request_takes_nothing_back(home: Home) -> None:
    """With the same file, key and path only the record changes; with another key the old certificate is revoked."""
    ask(home, request=csr(), more='policy: {requests: {commonNames: ["*"]}}\n')
    home.apply()
    number, text = serial(home), (home.path / "cluster-pki.yaml").read_text()
    home.write(text.replace("  jane:", "  janet:"))
    assert home.plan().changes() == {"request.jane": ("forget", ("Orphaned",))}
    assert home.apply().code == 0
    assert (serial(home), list(home.records())) == (number, ["ca.kubernetes", "crl.kubernetes", "request.janet"])
    assert home.plan("--detailed-exitcode").code == 0
    home.write(text)
    (home.path / "requests/jane.csr").write_text(csr(holder="somebody else"))
    for _ in range(2):  # what stands at the path of another is not overwritten before it is gone
        home.apply()
    assert number.upper() in openssl("crl", "-in", home.path / "ca.crl", "-noout", "-text")
    assert home.plan("--detailed-exitcode").code == 0


def test_without_a_list_whoever_withdraws_is_told_so(home: Home) -> None:
    """The certificate stays valid until it ends."""
    ask(home, request=csr())
    text = HEAD.replace(", crl: {path: ca.crl}", "")
    home.write((home.path / "cluster-pki.yaml").read_text().replace(HEAD, text))
    home.apply()
    home.write(text)
    (told,) = home.plan().json["diagnostics"]
    assert told["summary"] == "The certificate of request.jane stays valid until it expires"


def test_a_new_request_of_the_same_person_is_signed(home: Home) -> None:
    """Another key is a reissue, because the one on disk is not what is asked for."""
    ask(home, request=csr())
    home.apply()
    ask(home, request=csr(holder="jane's new laptop"))
    assert home.plan().changes() == {"request.jane": ("reissue", ("KeyMismatch",))}
    home.apply()
    assert home.plan("--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("request_text", "told"),
    [
        (csr(holder="mallory"), r"now asks for the key sha256:[0-9a-f]{64}\. Its approval names no `digest`: "),
        (csr("/O=dev/CN=jane"), r"now asks for CN=jane, O=dev instead of CN=jane\. "),
        (
            csr(ext=("subjectAltName=DNS:a.test",), holder="mallory"),
            r"now asks for the key sha256:[0-9a-f]{64}; the names dns:a\.test instead of none\. ",
        ),
    ],
)
def test_a_request_that_changes_under_its_approval_is_told(home: Home, request_text: str, told: str) -> None:
    """A commit that replaces a file of base64 grants it: whoever reviews the plan sees what, and no drift that is none."""
    more = "policy: {requests: {groups: [dev], dns: ['*.test']}}\n"
    ask(home, request=csr(), more=more)
    home.apply()
    (home.path / "requests/jane.csr").write_text(request_text)
    made = home.plan().json
    (changed,) = [each for each in made["diagnostics"] if each["code"] == "request-changed"]
    assert (changed["severity"], changed["address"]) == ("warning", "request.jane")
    assert re.search(told, changed["detail"])
    assert made["resource_drift"] == []
    home.apply()
    assert home.plan().json["diagnostics"] == []


def test_a_compromised_key_is_never_signed_for_again(home: Home) -> None:
    """A revocation with that reason waits for another request; any other reason is a new certificate."""
    ask(home, request=csr())
    home.apply()
    number = serial(home)
    for reason, outcome in (("superseded", ("replace", ("Revoked",))), ("keyCompromise", ("blocked", ("Revoked",)))):
        ask(home, more=f'revocations: [{{component: jane, serial: "{number}", reason: {reason}}}]\n')
        assert home.plan().changes()["request.jane"] == outcome


def test_damage_is_mended_without_a_key(home: Home) -> None:
    """A certificate that is gone is made anew, one that is broken as well, and a wrong mode is a repair."""
    ask(home, request=csr())
    home.apply()
    certificate = home.path / "people/jane.crt"
    certificate.chmod(0o666)
    assert home.plan().changes() == {"request.jane": ("repair", ("ModeDrift",))}
    assert home.apply().code == 0
    certificate.resolve().write_text("broken")
    assert home.plan().changes() == {"request.jane": ("reissue", ("Unreadable",))}
    assert home.apply().code == 0
    certificate.resolve().unlink()
    assert home.plan().changes() == {"request.jane": ("create", ("Missing",))}
    assert home.apply().code == 0
    assert home.plan("--detailed-exitcode").code == 0


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_losing_the_state_costs_nothing(home: Home, layout: str) -> None:
    """What we published is known again, in both layouts; then it is withdrawn as ever."""
    more = f"stores: {{files: {{type: file, root: /, layout: {layout}}}}}\n"
    ask(home, request=manifest(csr()), file="requests/jane.yaml", more=more)
    home.apply()
    (home.path / "state").rename(home.path / "lost")
    assert home.plan("--detailed-exitcode").code == 0
    assert home.apply().code == 0
    home.write(HEAD + more)
    assert home.apply().code == 0
    assert not list((home.path / "people").glob("jane*"))


def test_files_of_somebody_else_are_not_overwritten(home: Home) -> None:
    """A certificate that is there and is not ours is foreign."""
    ask(home, request=csr())
    home.apply()
    other = home.path / "people/jane.crt"
    text = other.read_bytes()
    ask(home, APPROVED.replace("people", "elsewhere"), request=csr(holder="other"))
    (home.path / "elsewhere").mkdir()
    (home.path / "elsewhere/jane.crt").write_bytes(text.replace(b"MI", b"MI", 1))
    (home.path / "state").rename(home.path / "lost")
    assert home.plan().changes()["request.jane"] == ("blocked", ("KeyMismatch", "Foreign"))


def test_asking_for_a_replacement_keeps_the_key(home: Home) -> None:
    """It is not ours to make another."""
    ask(home, request=csr())
    home.apply()
    assert home.plan("--replace", "request.jane").changes() == {"request.jane": ("reissue", ("ReissueRequested",))}
    ask(home, f"{APPROVED}, reissue: please")
    assert home.plan().changes() == {"request.jane": ("reissue", ("ReissueRequested",))}


def test_no_key_is_in_anything_that_is_written(home: Home) -> None:
    """There is none to write; the request is no secret, and stands in no state either."""
    ask(home, request=csr())
    said = home.apply()
    texts = [said.out, said.log, home.plan().out, home.call("status", "--format", "json").out]
    texts += [path.read_text(errors="replace") for path in (home.path / "state").rglob("*") if path.is_file()]
    assert not [text for text in texts if "PRIVATE KEY" in text or "CERTIFICATE REQUEST" in text]


# --- Kubernetes objects --------------------------------------------------------------------------------------------------


def answered(home: Home) -> dict[str, Any]:
    """The answer."""
    found = yaml.safe_load((home.path / "people/jane.yaml").read_text())
    assert isinstance(found, dict)
    return found


def test_an_object_is_answered_with_itself(home: Home) -> None:
    """The same object with status: approved, and the certificate that `base64 -d` gives."""
    text = manifest(csr(), expirationSeconds=86400)
    ask(home, f'{APPROVED}, reason: "on call"', request=text, file="requests/jane.yaml")
    assert home.apply().code == 0
    answer = answered(home)
    status = answer.pop("status")
    assert answer == yaml.safe_load(text)
    assert base64.b64decode(status["certificate"]) == (home.path / "people/jane.crt").read_bytes()
    (condition,) = status["conditions"]
    times = {condition.pop("lastUpdateTime"), condition.pop("lastTransitionTime")}
    assert condition == {"type": "Approved", "status": "True", "reason": "ApprovedInGit", "message": "on call"}
    assert abs(datetime.fromisoformat(times.pop()) - datetime.now(UTC)) < timedelta(minutes=1)
    assert not times
    assert home.plan("--detailed-exitcode").code == 0


@pytest.mark.parametrize(("seconds", "left"), [(600, 600), (3600, 3600), (86400, 86400 - 300), (400 * 86400, 90 * 86400 - 300)])
def test_the_certificate_ends_when_the_signers_would(home: Home, seconds: int, left: int) -> None:
    """From now on for what lives less than eight hours, else from the back-dated beginning; never beyond `lifetime`."""
    ask(home, request=manifest(csr(), expirationSeconds=seconds), file="requests/jane.yaml")
    now = datetime.now(UTC).replace(microsecond=0)
    assert at(home, now, "apply", "--auto-approve").code == 0
    end = openssl("x509", "-in", home.path / "people/jane.crt", "-noout", "-enddate", "-dateopt", "iso_8601").strip()
    assert datetime.fromisoformat(end.removeprefix("notAfter=").replace(" ", "T", 1)) - now == timedelta(seconds=left)


def test_an_answer_is_written_again_to_the_byte(home: Home) -> None:
    """Nothing in it depends on when it was written but the certificate; what somebody changed in it is mended."""
    ask(home, request=manifest(csr()), file="requests/jane.yaml")
    home.apply()
    answer = home.path / "people/jane.yaml"
    text = answer.read_bytes()
    for change in (text.replace(b"Approved", b"Denied"), text.replace(b"name: jane", b"name: ann"), b"{}", b"\xff"):
        answer.resolve().write_bytes(change)
        assert home.plan().changes() == {"request.jane": ("repair", ("OutputStale",))}
        assert home.apply().code == 0
        assert answer.read_bytes() == text


def test_an_object_whose_labels_change_is_answered_anew(home: Home) -> None:
    """The certificate stays: it is the same request."""
    ask(home, request=manifest(csr()), file="requests/jane.yaml")
    home.apply()
    number = serial(home)
    text = yaml.safe_load((home.path / "requests/jane.yaml").read_text())
    text["metadata"]["labels"] = {"team": "a"}
    (home.path / "requests/jane.yaml").write_text(yaml.safe_dump(text))
    assert home.plan().changes() == {"request.jane": ("repair", ("OutputStale",))}
    assert home.apply().code == 0
    assert (serial(home), answered(home)["metadata"]["labels"]) == (number, {"team": "a"})


# --- where requests come from --------------------------------------------------------------------------------------------


def git(home: Home, *arguments: str) -> None:
    """Runs git."""
    options = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(home.path), *options, *arguments], check=True, capture_output=True)


def test_a_commit_brings_its_own_requests(home: Home) -> None:
    """Read below git, what stands in the work tree does not count; with --worktree it does."""
    ask(home, request=csr())
    git(home, "init", "-q")
    git(home, "add", "cluster-pki.yaml", "requests")
    git(home, "commit", "-qm", "Jane asks")
    (home.path / "requests/jane.csr").write_text(csr("/CN=bob"))
    assert home.call("validate", *COMMIT, str(home.path)).code == 0
    refused = home.call("validate", "--worktree", *COMMIT, str(home.path))
    assert (refused.code, "CPK705" in refused.out) == (1, True)


def test_a_link_out_of_the_repository_is_not_followed(home: Home) -> None:
    """Neither in files nor in a commit."""
    (home.path.parent / "outside.csr").write_text(csr())
    ask(home)
    (home.path / "requests/jane.csr").symlink_to("../../outside.csr")
    git(home, "init", "-q")
    git(home, "add", "cluster-pki.yaml", "requests")
    git(home, "commit", "-qm", "Jane asks")
    said = home.call("validate")
    assert (said.code, "CPK701" in said.out, "cluster-pki.yaml:5:15" in said.out) == (1, True, True)
    said = home.call("validate", *COMMIT, str(home.path))
    assert (said.code, "requests/jane.csr is a symbolic link in commit" in said.log) == (1, True)


# --- beside everything else ------------------------------------------------------------------------------------------------


def test_requests_move_with_a_rotation(home: Home) -> None:
    """When their CA gets another key, they are signed by it before the old one is distrusted."""
    text = HEAD.replace("path: ca, ", "path: ca, rotation: {soak: 1s}, ")
    ask(home, request=manifest(csr()), file="requests/jane.yaml")
    home.write((home.path / "cluster-pki.yaml").read_text().replace(HEAD, text))
    home.apply()
    home.write((home.path / "cluster-pki.yaml").read_text().replace("path: ca, ", "path: ca, generation: 2, "))
    home.apply()
    later = datetime.now(UTC) + timedelta(hours=1)
    assert at(home, later, "apply", "--auto-approve").code == 0
    issuer = openssl("x509", "-in", home.path / "people/jane.crt", "-noout", "-issuer", "-nameopt", "RFC2253")
    assert issuer == "issuer=CN=kubernetes g2\n"
    assert at(home, later, "plan", "--detailed-exitcode").code == 0
    assert base64.b64decode(answered(home)["status"]["certificate"]) == (home.path / "people/jane.crt").read_bytes()


def test_intermediates_stand_behind_the_certificate(home: Home) -> None:
    """In the file and in the answer: whoever has only the root can verify it."""
    cas = "cas: {root: {path: root}, kubernetes: {issuer: root, path: ca}}\n"
    ask(home, request=manifest(csr()), file="requests/jane.yaml")
    text = (home.path / "cluster-pki.yaml").read_text().replace(HEAD, f"apiVersion: cluster-pki/v1\ncluster: demo\n{cas}")
    home.write(text)
    assert home.apply().code == 0
    chain = home.path / "chain.pem"
    chain.write_bytes(base64.b64decode(answered(home)["status"]["certificate"]))
    assert openssl("verify", "-CAfile", home.path / "root.crt", "-untrusted", chain, chain) == f"{chain}: OK\n"
    assert chain.read_bytes().count(b"BEGIN CERTIFICATE") == 2
    assert home.plan("--detailed-exitcode").code == 0


def test_every_report_knows_requests(home: Home) -> None:
    """Plan, status and inventory name them in each of their formats; no inventory holds what waits."""
    ask(home, request=csr(), more="  ann: {csr: requests/ann.csr, ca: kubernetes}\n")
    (home.path / "requests/ann.csr").write_text(csr("/CN=ann", holder="ann"))
    for form in ("text", "json", "markdown", "github"):
        assert "request.jane" in home.call("plan", "--format", form).out
    home.apply()
    for form in ("table", "json", "csv", "html"):
        assert "request.ann" in home.call("status", "--format", form).out
    table = home.call("inventory", "--format", "csv").out
    assert ("request.jane" in table, "request.ann" in table) == (True, False)
    assert "CN=jane" in home.call("show", "certificate", "request.jane").out


def test_the_reconciler_signs_and_takes_back(home: Home) -> None:
    """One pass of it does what apply does."""
    ask(home, request=csr())
    assert home.call("run", "--once").code == 0
    number = serial(home)
    home.write(HEAD)
    assert home.call("run", "--once").code == 0
    assert not (home.path / "people/jane.crt").exists()
    assert number.upper() in openssl("crl", "-in", home.path / "ca.crl", "-noout", "-text")


def test_a_saved_plan_is_refused_when_the_request_has_changed(home: Home) -> None:
    """What was approved is what is signed."""
    ask(home, request=csr())
    saved = home.path / "saved.plan"
    assert home.call("plan", "--out", str(saved)).code == 0
    (home.path / "requests/jane.csr").write_text(csr(holder="somebody else"))
    said = home.apply(str(saved))
    assert (said.code, "stale" in said.out + said.log) == (1, True)
