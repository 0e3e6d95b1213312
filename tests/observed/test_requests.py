"""What stands beside components of external CAs: read from disk, judged by nobody yet."""

from __future__ import annotations

from pathlib import Path

from reconciler.apply.requests import component_request
from reconciler.desired.model import DesiredState
from reconciler.desired.place import Place
from reconciler.desired.vault import ExternalKey
from reconciler.observed.gather import gather
from reconciler.observed.model import AskedFile, Key, Returned, Unusable
from reconciler.observed.requests import see_requests
from reconciler.stores.disk import DISK
from reconciler.x509.build import issue, new_serial, self_signed
from reconciler.x509.csr import signing_request
from reconciler.x509.profile import Request
from tests.builders import NOW, YEAR, make_key
from tests.plan.world import ca, component, state

CA_KEY = make_key("outside")
AUTHORITY = self_signed(
    Request(subject=ca().subject, is_ca=True, not_before=NOW, not_after=NOW + YEAR, serial=new_serial()), CA_KEY
)


def desired(root: Path) -> DesiredState:
    """One component of a CA that is outside, and one of a CA that is not."""
    return state(
        ca(key_in=ExternalKey(), place=Place(store="files", root=str(root), path="main")),
        ca("ours", place=Place(store="files", root=str(root), path="ours")),
        component(place=Place(store="files", root=str(root), path="api")),
        component("web", ca="ours", place=Place(store="files", root=str(root), path="web")),
    )


def test_nothing_is_told_where_nothing_stands(tmp_path: Path) -> None:
    """Nor is anything looked for beside components of other CAs."""
    (tmp_path / "web.next.key").write_bytes(make_key("web").pem())
    assert gather(desired(tmp_path)).requests == {}


def test_each_part_is_seen_for_itself(tmp_path: Path) -> None:
    """The key by its facts, the request by what it asks, the answer by its certificate and who signed that."""
    things = desired(tmp_path)
    wanted, key = things.components["component.api"], make_key("api")
    request = component_request(wanted, AUTHORITY.facts, now=NOW, serial=new_serial())
    certificate = issue(request, key.public_key, AUTHORITY, CA_KEY)
    (tmp_path / "main.crt").write_bytes(AUTHORITY.pem)
    (tmp_path / "api.next.key").write_bytes(key.pem())
    (tmp_path / "api.next.csr").write_text(signing_request(request, key).pem, encoding="ascii")
    (tmp_path / "api.next.crt").write_bytes(AUTHORITY.pem + certificate.pem)
    found = gather(things).requests["component.api"]
    assert isinstance(found.key, Key)
    assert isinstance(found.request, AskedFile)
    assert (found.key.facts, found.request.asked.spki_sha256) == (key.facts, key.facts.spki_sha256)
    assert found.answer == Returned(leaf=certificate.facts, signed_by=AUTHORITY.facts.spki_sha256)
    unknown = see_requests(things, [], DISK)["component.api"].answer
    assert unknown == Returned(leaf=certificate.facts, signed_by="")


def test_what_cannot_be_used_is_a_state_of_its_own(tmp_path: Path) -> None:
    """One broken file says nothing about the others."""
    (tmp_path / "api.next.key").write_bytes(b"")
    (tmp_path / "api.next.csr").mkdir()
    (tmp_path / "api.next.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    found = see_requests(desired(tmp_path), [], DISK)["component.api"]
    problems = [part.problem for part in (found.key, found.request, found.answer) if isinstance(part, Unusable)]
    assert problems == ["empty", "not-a-file", "truncated"]
