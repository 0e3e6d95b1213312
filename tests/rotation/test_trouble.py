"""What goes wrong while a CA rotates: lost and broken files and records, old certificates that live on, failing hooks."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from reconciler.apply.lock import hold
from tests.rotation import judges
from tests.rotation.clusters import BACK, ORDER, SOAK, applied, held, plain, reached
from tests.rotation.story import Story

Damage = Callable[[Story], None]


def gone(*names: str) -> Damage:
    """Files of the CA are deleted."""

    def damage(story: Story) -> None:
        for name in names:
            (story.path / "store/ca" / name).unlink()

    return damage


def garbage(name: str) -> Damage:
    """A file of the CA holds something else."""

    def damage(story: Story) -> None:
        gone(name)(story)
        (story.path / "store/ca" / name).write_bytes(b"garbage\n")
        (story.path / "store/ca" / name).chmod(0o600)

    return damage


def another_ca(story: Story) -> None:
    """Somebody puts a CA of the same name into the place of the signing pair."""
    gone("main.crt", "main.key")(story)
    folder = story.path / "store/ca"
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=main")
    files = ("-days", "3650", "-keyout", str(folder / "main.key"), "-out", str(folder / "main.crt"))
    subprocess.run((*made, *files), check=True, capture_output=True)
    story.passes(days=5)  # openssl takes the machine's own clock


def no_records(story: Story) -> None:
    """The state directory is lost."""
    shutil.rmtree(story.path / "state")


def old_records(story: Story) -> None:
    """The inventory is one of a version that knew no generations."""
    file = story.path / "state/inventory.json"
    inventory = json.loads(file.read_text(encoding="utf-8"))
    for record in inventory["records"].values():
        for name in ("generation", "settled", "settled_generation"):
            record.pop(name, None)
    file.write_text(json.dumps(inventory), encoding="utf-8")


@pytest.mark.parametrize("damage", [no_records, old_records])
@pytest.mark.parametrize("phase", ORDER)
def test_the_phase_is_found_again_without_records(tmp_path: Path, phase: str, damage: Damage) -> None:
    """It follows from the files alone: nothing is reissued, nothing moves."""
    story = reached(tmp_path, phase)
    before = story.digests()
    damage(story)
    story.apply()
    assert (story.phase(), story.digests() == before) == ("stable" if phase == "distrust" else phase, True)


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("phase", ["servers", "soak", "distrust"])
def test_a_lost_signing_pair_comes_back_from_beside(tmp_path: Path, phase: str, records: bool) -> None:
    """The generation that signs stands for itself too, and nobody else's files change."""
    story = reached(tmp_path, phase)
    pair = {name: story.content(f"store/ca/{name}") for name in ("main.crt", "main.key")}
    gone(*pair)(story)
    if not records:
        no_records(story)
    assert story.actions() == {"ca.main": "repair"}
    story.apply()
    assert {name: story.content(f"store/ca/{name}") for name in pair} == pair


@pytest.mark.parametrize(
    ("damage", "records"),
    [
        (gone("main.crt", "main.key"), True),
        (gone("main.crt", "main.key"), False),
        (gone("main.crt"), True),
        (gone("main.crt"), False),
        (gone("main.key"), True),
        (garbage("main.crt"), True),
        (garbage("main.crt"), False),
        (garbage("main.key"), True),
        (another_ca, True),
    ],
    ids=["pair", "pair-no-records", "crt", "crt-no-records", "key", "bad-crt", "bad-crt-no-records", "bad-key", "another-ca"],
)
@pytest.mark.parametrize("phase", ["stage", "clients"])
def test_nothing_takes_the_place_of_the_generation_that_signs(tmp_path: Path, phase: str, damage: Damage, records: bool) -> None:
    """The new one stands there ready, but half of the cluster is not: it fails, and changes no file, until it is restored."""
    story = reached(tmp_path, phase)
    backup = {name: story.content(f"store/ca/{name}") for name in ("main.crt", "main.key")}
    damage(story)
    if not records:
        no_records(story)
    before = story.digests()
    said = story.call("apply", "--auto-approve")
    assert (said.code, story.digests() == before) == (1, True), said.out
    assert "ca.main cannot sign" in said.out + said.log
    for name, content in backup.items():
        file = story.path / "store/ca" / name
        file.unlink(missing_ok=True)
        file.write_bytes(content)
        file.chmod(0o600 if name.endswith("key") else 0o644)
    story.apply()
    assert story.phase() == phase


@pytest.mark.parametrize("phase", ["servers", "soak"])
@pytest.mark.parametrize("damage", [gone("main.g2.crt", "main.g2.key"), gone("main.g2.key"), garbage("main.g2.crt")])
def test_what_stands_beside_may_be_lost_while_it_signs(tmp_path: Path, phase: str, damage: Damage) -> None:
    """Our record says which number signs; when the next generation comes, this one is put beside again, whole."""
    story = reached(tmp_path, phase)
    key = story.content("store/ca/main.key")
    damage(story)
    before = story.digests()
    story.apply()
    assert (story.phase(), story.digests() == before) == (phase, True)
    story.ca(rotation=dict(SOAK))
    for _ in range(2):
        story.apply()
        story.passes(days=2)
    story.ca(generation=3)
    story.apply()
    assert story.content("store/ca/main.g2.key") == key


@pytest.mark.parametrize("phase", ["stage", "clients"])
@pytest.mark.parametrize("damage", [garbage("main.g2.key"), garbage("main.g2.crt"), gone("main.g2.key"), gone("main.g2.crt")])
def test_a_broken_generation_that_comes_in_is_told_and_never_made_anew(tmp_path: Path, phase: str, damage: Damage) -> None:
    """It fails, everything goes on verifying, and the rotation waits."""
    story = reached(tmp_path, phase)
    damage(story)
    trust = story.content("store/trust/main.pem")
    beside = {name for name in story.digests() if "main.g2" in name}
    story.apply(code=1)
    assert {name for name in story.digests() if "main.g2" in name} == beside
    assert story.content("store/trust/main.pem") == trust


@pytest.mark.parametrize("phase", ["stage", "clients"])
def test_a_generation_that_was_lost_is_not_made_a_second_time(tmp_path: Path, phase: str) -> None:
    """Somebody trusts it already, and some may have certificates of it: it is restored, or the number is raised (R15)."""
    story = reached(tmp_path, phase)
    before = story.content("store/trust/main.pem")
    gone("main.g2.crt", "main.g2.key")(story)
    said = story.apply(code=1)
    assert "ca-certificate-missing" in said.out
    assert "certificate of it" in said.out or "was signed by it" in said.out
    assert not (tmp_path / "store/ca/main.g2.crt").exists()
    assert story.content("store/trust/main.pem") == before


@pytest.mark.parametrize(
    "damage", [gone("main.g1.crt", "main.g1.key"), gone("main.g1.crt"), garbage("main.g1.crt")], ids=["both", "crt", "bad-crt"]
)
@pytest.mark.parametrize("phase", ["servers", "soak"])
def test_the_old_generation_is_not_distrusted_because_its_files_were_tidied_up(
    tmp_path: Path, phase: str, damage: Damage
) -> None:
    """Processes may still use what it signed: it stays in the trust files, and the certificate there is the way back."""
    story = reached(tmp_path, phase)
    backup = {name: story.content(f"store/ca/{name}") for name in ("main.g1.crt", "main.g1.key")}
    damage(story)
    trust = story.content("store/trust/main.pem")
    for _ in range(2):
        story.passes(days=5)
        said = story.apply(code=1)
        assert story.content("store/trust/main.pem") == trust
        assert "ca-certificate-missing" in said.out or "Unreadable" in said.out
    for name, content in backup.items():
        file = story.path / "store/ca" / name
        file.unlink(missing_ok=True)
        file.write_bytes(content)
        file.chmod(0o600 if name.endswith("key") else 0o644)
    story.ca(rotation=dict(SOAK))
    for _ in range(2):
        story.apply()
        story.passes(days=2)
    assert story.rotations() == {}
    assert b"main.g1" not in story.content("store/trust/main.pem") != trust


def test_a_generation_that_nothing_was_signed_by_is_missed_by_nobody(tmp_path: Path) -> None:
    """Staged only, its files lost: lowering the number is the way out."""
    story = reached(tmp_path, "stage")
    gone("main.g2.crt", "main.g2.key")(story)
    story.ca(generation=1, rotation=dict(SOAK))
    story.apply()
    assert story.rotations() == {}
    assert story.content("store/trust/main.pem").count(b"BEGIN CERTIFICATE") == 1


def test_one_trust_file_without_the_old_generation_begins_no_distrust(tmp_path: Path) -> None:
    """Somebody rewrites it while a hook is owed: it is mended, and everybody else goes on trusting both."""
    document = plain()
    document["components"]["web"]["after"] = [{"exec": ["/bin/true"]}]
    story = applied(tmp_path, document)
    story.write(components={"web": {"after": [{"exec": ["/bin/false"]}]}})
    story.ca(generation=2, rotation={"soak": "0s"})
    story.apply(code=1)
    assert story.phase() == "soak"
    before = {name: story.content(f"store/trust/{name}") for name in ("main.pem", "all.pem")}
    (story.path / "store/trust/main.pem").write_bytes(story.content("store/ca/main.crt"))
    story.apply(code=1)
    assert (story.phase(), {name: story.content(f"store/trust/{name}") for name in before}) == ("soak", before)


@pytest.mark.parametrize("names", [("main.pem",), ("main.pem", "all.pem")])
def test_trust_files_that_somebody_rewrote_end_no_soak(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Not even all of them: our record says that nothing was distrusted."""
    story = reached(tmp_path, "soak")
    before = {name: story.content(f"store/trust/{name}") for name in names}
    for name in names:
        others = before[name].replace(story.content("store/ca/main.g1.crt"), b"")
        assert others != before[name]
        (story.path / "store/trust" / name).write_bytes(others)
    story.apply()
    assert (story.phase(), {name: story.content(f"store/trust/{name}") for name in names}) == ("soak", before)


def test_trust_files_rewritten_after_the_soak_end_it_quietly(tmp_path: Path) -> None:
    """Nobody trusts the old generation any more, and nobody has to: nothing is left to be done but to note it."""
    story = reached(tmp_path, "soak")
    story.ca(rotation=dict(SOAK))
    story.passes(days=2)
    for name in ("main.pem", "all.pem"):
        others = story.content(f"store/trust/{name}").replace(story.content("store/ca/main.g1.crt"), b"")
        (story.path / "store/trust" / name).write_bytes(others)
    assert (story.rotations(), story.actions()) == ({}, {})


def test_a_generation_that_goes_out_on_the_way_back_is_not_forgotten_either(tmp_path: Path) -> None:
    """From 2 back to 1: in the soak it is the higher one whose files may not be tidied up."""
    story = reached(tmp_path, "distrust")
    story.ca(generation=1, rotation=held("soak"))
    story.apply()
    assert story.phase() == "soak"
    gone("main.g2.crt", "main.g2.key")(story)
    trust = story.content("store/trust/main.pem")
    said = story.apply(code=1)
    assert "certificate of generation 2 is gone" in said.out
    assert story.content("store/trust/main.pem") == trust


def test_clients_of_a_lost_generation_are_trusted_until_they_have_moved_back(tmp_path: Path) -> None:
    """Its files are lost and git goes back: the trust files wait for the certificates, one apply behind."""
    story = reached(tmp_path, "clients")
    gone("main.g2.crt", "main.g2.key")(story)
    trust = story.content("store/trust/main.pem")
    story.ca(generation=1, rotation=dict(SOAK))
    story.apply(code=1)
    assert story.content("store/trust/main.pem") == trust
    assert "main g2" not in judges.field(story.content("store/pki/app.crt"), "-issuer")
    story.apply()
    assert (story.rotations(), story.content("store/trust/main.pem").count(b"BEGIN CERTIFICATE")) == ({}, 1)


def test_distrust_is_on_record_before_the_first_trust_file_changes(tmp_path: Path) -> None:
    """Cut short in the middle of it, it goes on with distrust, and does not trust the old generation anew."""
    story = reached(tmp_path, "soak")
    story.ca(rotation=dict(SOAK))
    story.passes(days=2)

    def trusted() -> list[int]:
        inventory = json.loads((story.path / "state/inventory.json").read_text(encoding="utf-8"))
        numbers: list[int] = inventory["records"]["ca.main"].get("trusted", [])
        return numbers

    assert trusted() == [1, 2]
    with mock.patch("reconciler.apply.engine.carry_out", side_effect=KeyboardInterrupt), contextlib.suppress(KeyboardInterrupt):
        story.call("apply", "--auto-approve")
    assert trusted() == []


def test_a_leaf_restored_from_backup_in_the_soak_moves_again(tmp_path: Path) -> None:
    """Both generations are trusted, so it serves until it is reissued, and distrust waits for nothing else."""
    story = applied(tmp_path)
    backup = {name: story.content(f"store/pki/{name}") for name in ("web.crt", "web.key")}
    story.ca(generation=2)
    story.apply()
    for name, content in backup.items():
        (story.path / "store/pki" / name).unlink()
        (story.path / "store/pki" / name).write_bytes(content)
        (story.path / "store/pki" / name).chmod(0o600)
    assert (story.phase(), story.blockers()) == ("servers", {"component.web": "is signed by generation 1"})
    story.apply()
    assert story.phase() == "soak"


@pytest.mark.parametrize(("name", "phase"), [("app", "clients"), ("web", "servers")])
def test_a_suspended_component_keeps_the_old_generation_trusted(tmp_path: Path, name: str, phase: str) -> None:
    """However long it takes: its address is the blocker."""
    story = applied(tmp_path)
    story.write(components={name: {"suspend": True}})
    story.ca(generation=2)
    for _ in range(2):
        story.apply()
        assert story.phase() == phase
        assert story.blockers()[f"component.{name}"] == "is signed by generation 1"
        story.passes(days=5)
    story.write(components={name: {"suspend": None}})
    story.apply()
    story.passes(days=2)
    story.apply()
    assert story.rotations() == {}


@pytest.mark.parametrize(
    ("section", "name", "phase"), [("bundles", "trust", "stage"), ("components", "app", "clients"), ("components", "web", "soak")]
)
def test_an_owed_hook_holds_the_next_phase_back(tmp_path: Path, section: str, name: str, phase: str) -> None:
    """The file is there, but nobody was told: the address waits, whatever time passes, and goes on when the hook succeeds."""
    document = plain()
    document[section][name]["after"] = [{"exec": ["/bin/true"]}]
    story = applied(tmp_path, document)
    story.write(**{section: {name: {"after": [{"exec": ["/bin/false"]}]}}})
    story.ca(generation=2)
    for _ in range(2):
        story.apply(code=1)
        address = f"{section.removesuffix('s')}.{name}"
        assert story.phase() == phase
        assert story.blockers()[address] == "is on disk, and its hooks have not been delivered yet"
        story.passes(days=2)
    story.write(**{section: {name: {"after": [{"exec": ["/bin/true"]}]}}})
    story.apply()
    story.passes(days=2)
    story.apply()
    assert story.rotations() == {}


@contextlib.contextmanager
def listener(certificate: Path, key: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A TLS server that presents what it loaded last."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                    connection.settimeout(5)
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", context
        finally:
            ended.set()
            thread.join()


def test_a_process_that_still_presents_the_old_certificate_blocks_distrust(tmp_path: Path) -> None:
    """On disk everything has moved; the endpoint is named until it has loaded what is there."""
    story = applied(tmp_path)
    files = (story.path / "store/pki/web.crt", story.path / "store/pki/web.key")
    with listener(*files) as (address, context):
        story.write(components={"web": {"probe": {"address": address}}})
        story.apply()
        story.ca(generation=2)
        for _ in range(2):
            story.apply()
            message = f"is served otherwise: {address} presents an older certificate"
            assert (story.phase(), story.blockers()["component.web"]) == ("soak", message)
            story.passes(days=2)
        context.load_cert_chain(*files)
        story.apply()
    assert story.rotations() == {}


@pytest.mark.parametrize("phase", BACK)
def test_two_reconcilers_do_not_meet(tmp_path: Path, phase: str) -> None:
    """Who comes second says so and touches nothing."""
    story = reached(tmp_path, phase)
    story.ca(rotation=dict(SOAK))
    before = story.digests()
    with hold(str(story.path / "state/lock"), operation="apply", exclusive=True, timeout=1):
        said = story.call("apply", "--auto-approve", "--lock-timeout", "0s")
    assert (said.code, story.digests() == before) == (75, True), said.log


@pytest.mark.parametrize("phase", ["stage", "soak"])
def test_a_ca_that_leaves_while_it_rotates_keeps_its_files(tmp_path: Path, phase: str) -> None:
    """No generation of it is removed, whoever asks: only the inventory forgets it."""
    story = reached(tmp_path, phase)
    before = {name: content for name, content in story.digests().items() if "/ca/" in name}
    document = story.document
    for name in ("app", "web", "peer"):
        del document["components"][name]
    del document["cas"]["main"], document["bundles"]["trust"]
    document["bundles"]["all"]["cas"] = ["other"]
    document["removed"] = [{"from": "ca.main"}, *({"from": f"component.{name}"} for name in ("app", "web", "peer"))]
    story.write()
    story.apply("--allow-mass-change")
    assert {name: content for name, content in story.digests().items() if "/ca/" in name} == before


@pytest.mark.parametrize("phase", ["stage", "clients", "soak"])
def test_saved_plans_carry_a_phase_out_once(tmp_path: Path, phase: str) -> None:
    """Each saved plan is one step; after the step it is stale, and says why."""
    story = reached(tmp_path, phase)
    story.ca(rotation=dict(SOAK))
    story.passes(days=2)
    file = str(story.path / "saved")
    assert story.call("plan", "--out", file).code == 0
    story.apply(file)
    said = story.call("apply", file)
    assert (said.code, "Saved plan is stale" in said.log) == (1, True)


@pytest.mark.parametrize("target", ["component.web", "bundle.trust", "ca.main"])
def test_targets_never_run_ahead_of_what_they_leave_out(tmp_path: Path, target: str) -> None:
    """However often: trust files that were not targeted hold the rotation in its first phase."""
    story = applied(tmp_path)
    story.ca(generation=2)
    for _ in range(3):
        story.apply("--target", target)
        assert story.phase() == "stage"
    assert "main g2" not in judges.field(story.content("store/pki/web.crt"), "-issuer")
    story.apply()
    assert story.phase() == "soak"
