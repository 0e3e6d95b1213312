"""The status page, as a browser would read it."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.plan.reasons import Reason
from reconciler.plan.status_document import ConditionStatus, StatusDocument
from reconciler.render.attention import condition_alarm, verdict
from reconciler.render.lanes import timeline_of
from reconciler.render.page_style import BASE_STYLE
from reconciler.render.reason_words import WORDS
from reconciler.render.status_html import STATUS_PAGE_POLICY, render_status_html
from reconciler.render.statuses import RENDERERS
from reconciler.render.time_scale import scale_for
from reconciler.render.timeline import rough
from tests.render import status_stories
from tests.render.page_stories import (
    AUTHORITIES,
    CALM,
    DAY,
    HOUR,
    NEWER,
    NOW,
    REVISION,
    RICH,
    certificate,
    condition,
    document,
    large,
)

HOSTILE: Final = "</td></title><script>alert(1)</script><img src=x onerror=y>\u202e\x1b[2J\"' &amp;"
STORIES: Final = {"rich": RICH, "calm": CALM, "plain": status_stories.status(), "empty": document([])}


class Page(HTMLParser):
    """A page as elements and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: dict[str, str] = {}
        self.sections: list[str] = []
        self.unclosed: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)
        if tag == "h2":
            self.sections.append(str(dict(attrs)["id"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of a drawing."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Every element ends where it should."""
        if self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        """Collects what can be read, by section."""
        if not {"style", "script"} & set(self.open):
            name = self.sections[-1] if self.sections else ""
            self.words[name] = " ".join((self.words.get(name, "") + " " + data).split())


def page(status: StatusDocument, **options: Any) -> Page:  # noqa: ANN401 - fields of any type
    """A page read back."""
    return Page(render_status_html(status, **{"now": NOW, **options}))


@pytest.mark.parametrize("story", STORIES)
def test_well_formed_and_alone(story: str) -> None:
    """Elements are closed, ids are unique, nothing is loaded, nothing is styled or run from an attribute."""
    text = render_status_html(STORIES[story], now=NOW)
    read = Page(text)
    names = [str(attributes["id"]) for _, attributes in read.elements if "id" in attributes]
    assert (read.open, read.unclosed, sorted(names)) == ([], [], sorted(set(names)))
    loading = {"src", "href", "srcset", "action", "data", "background", "poster", "style"}
    assert [attributes for _, attributes in read.elements if loading & attributes.keys()] == []
    assert [name for _, attributes in read.elements for name in attributes if name.startswith("on")] == []
    assert ("url(" in text, "@import" in text, "http://" in text, "https://" in text) == (False, False, False, False)
    assert {tag for tag, _ in read.elements} & {"link", "img", "iframe", "object", "embed", "form"} == set()


def test_policy_allows_its_own_style_and_script() -> None:
    """The hashes are those of what stands in the page, which is the same for every cluster."""
    text = render_status_html(RICH, now=NOW)
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in STATUS_PAGE_POLICY
    assert f'content="{STATUS_PAGE_POLICY}"' in text
    assert "unsafe" not in STATUS_PAGE_POLICY


def test_calm() -> None:
    """A cluster in order says so, and does not list what is not there."""
    read = page(CALM)
    assert read.sections == ["conditions", "when", "plan", "authorities", "source", "reconciler", "everything"]
    assert (
        "All is well 19 addresses are all healthy and as git says. Next renewal: component.mesh-gateway in 12h." in read.words[""]
    )
    assert [tag for tag, attributes in read.elements if "bad" in str(attributes.get("class", "")).split()] == []


def test_rich() -> None:
    """Everything that is wrong has its place, with its reason in words."""
    read = page(RICH)
    assert read.sections == [
        "conditions", "when", "step", "hooks", "probes", "plan", "authorities", "suspended", "source", "reconciler", "everything",
    ]  # fmt: skip
    expected = {
        "": "Needs attention 1 certificate has expired, 1 address is missing its files",
        "conditions": "SourceVerified is False · SignatureInvalid · for 3h Commit 90ab12c has no signature.",
        "when": "component.jane expired 3d ago component.legacy-lb suspended renewal due 25d ago · ends in 5d",
        "step": "component.jane Degraded, OutOfSync WrongIssuer signed by another CA than git says Expired it has expired",
        "hooks": "component.etcd-server[cp-1] failing : systemd restart etcd.service It ended with exit status 1.",
        "probes": "component.etcd-server[cp-1] stale cp-1:2379 presents serial 1f6a09",
        "plan": "component.ingress reissue RenewalDue, SanMismatch failed /srv/ingress: no space left on device",
        "authorities": "ca.kubernetes 2 CN=kubernetes ecdsa-p256 10 3 2034-08-25 in 7.8y",
        "suspended": "component.legacy-lb Degraded, OutOfSync 2026-11-25 in 5d component.batch Suspended",
        "source": f"In force {REVISION} Looked at last {NEWER} not acted on Signed by jane@example.com",
        "reconciler": "Process 214 on cp-1 Passes 3,471",
        "everything": "26 addresses",
    }
    assert {name: words for name, words in expected.items() if words not in read.words[name]} == {}


def test_without_a_reconciler() -> None:
    """What one look found is a whole page as well."""
    read = page(status_stories.status())
    assert read.sections == ["when", "step", "authorities", "everything"]
    assert "1 certificate has expired, 1 address is missing its files and 1 address is degraded" in read.words[""]
    assert "this is what a single look found" in read.words["everything"]


def test_names_are_text() -> None:
    """Whatever stands in a certificate, a commit, or a program's output is shown, never obeyed."""
    row = certificate("component.a", sync="OutOfSync", subject=HOSTILE, issuer=HOSTILE, reasons=[HOSTILE], served="stale",
                      served_detail=HOSTILE, suspended=True)  # fmt: skip
    assert RICH.source is not None
    assert RICH.reconciler is not None
    assert RICH.reconciler.last_pass is not None
    change = replace(RICH.reconciler.last_pass.changes[0], address=HOSTILE, class_=HOSTILE, reasons=[HOSTILE], detail=HOSTILE)
    last = replace(RICH.reconciler.last_pass, changes=[change], diagnostics=[HOSTILE], trigger=HOSTILE)
    hostile = replace(
        document([row, replace(row, address=HOSTILE, type="ca")]),
        cluster=HOSTILE,
        conditions=[condition(HOSTILE, "True", HOSTILE, HOSTILE)],
        hooks=[replace(hook, address=HOSTILE, hook=HOSTILE, detail=HOSTILE, output=HOSTILE) for hook in RICH.hooks],
        source=replace(RICH.source, location=HOSTILE, path=HOSTILE, ref=HOSTILE, last_applied_revision=HOSTILE, signer=HOSTILE),
        reconciler=replace(RICH.reconciler, version=HOSTILE, node=HOSTILE, last_pass=last, next_pass_why=HOSTILE),
    )
    text = render_status_html(hostile, now=NOW)
    read = Page(text)
    assert ([tag for tag, _ in read.elements].count("script"), "<img" in text, read.open, read.unclosed) == (1, False, [], [])
    assert not re.search("[\u202e\x1b]", text)
    assert r"<script>alert(1)</script><img src=x onerror=y>\u202e\x1b[2J" in read.words[""]


def test_expired_is_never_good() -> None:
    """Whatever the status said when it was made: the time at which it is shown decides."""
    old = document([certificate("component.a", left=DAY)])
    read = page(old, now=NOW + 2 * DAY)
    assert "1 certificate has expired" in read.words[""]
    assert "component.a Degraded, OutOfSync" not in read.words["step"]
    assert "component.a Degraded Expired it has expired" in read.words["step"]
    # Only the legend shows what good would look like.
    good = [attributes for _, attributes in read.elements if "good" in str(attributes.get("class", "")).split()]
    assert [str(attributes) for attributes in good] == []
    assert 'class="g"' not in render_status_html(old, now=NOW + 2 * DAY).partition('<p class="legend">')[0]


def test_headings_and_tables_can_be_heard() -> None:
    """One first heading, sections with names, columns with scope, signs with words: nothing rests on colour alone."""
    read = page(RICH)
    tags = [tag for tag, _ in read.elements]
    assert (tags.count("h1"), tags.count("main")) == (1, 1)
    labelled = [attributes["aria-labelledby"] for tag, attributes in read.elements if tag == "section"]
    assert labelled == read.sections
    assert {attributes.get("scope") for tag, attributes in read.elements if tag == "th"} == {"col"}
    signs = [attributes for tag, attributes in read.elements if tag == "svg" and "icon" in str(attributes.get("class"))]
    assert {attributes.get("aria-label") for attributes in signs} == {"good", "to watch", "bad"}
    hidden = [
        attributes for tag, attributes in read.elements if tag == "svg" and "role" not in attributes and "x" not in attributes
    ]
    assert {attributes.get("aria-hidden") for attributes in hidden} <= {"true", None}


def test_ten_thousand() -> None:
    """A big cluster is a page of the same size: grouped, the most urgent shown, the rest counted."""
    status = large()
    started = time.perf_counter()
    text = render_status_html(status, now=NOW)
    assert time.perf_counter() - started < 5
    read = Page(text)
    assert len(text) < 400_000
    assert "component.kubelet-client[w-1516] expired 1d ago" in read.words["when"]
    assert "component.kubelet-client \N{MULTIPLICATION SIGN} 4,943 renews in 3d 9h · end in 33d to 362d" in read.words["when"]
    assert "114 of 10,018" in read.words["step"]
    assert "And 74 more, less urgent: 74 SanMismatch." in read.words["step"]
    assert "The 200 most urgent of 10,018; the other 9,818 are better off." in read.words["everything"]


def test_same_input_same_bytes() -> None:
    """Nothing but the document and the time decides, and it ends with a newline."""
    text = RENDERERS["html"](RICH, now=NOW)
    assert text == RENDERERS["html"](RICH, now=NOW, color=True)
    assert text.endswith("</html>\n")


def test_every_reason_has_words() -> None:
    """A new reason needs a line."""
    assert set(WORDS) == set(Reason)


@pytest.mark.parametrize(
    ("status", "alarm", "headline", "sentence"),
    [
        (document([]), "watch", "Nothing is managed here yet", ""),
        (CALM, "good", "All is well", "19 addresses are all healthy and as git says."),
        (document([certificate("component.a")]), "good", "All is well", "1 address is healthy and as git says."),
        (document([certificate("component.a", sync="OutOfSync")]), "watch", "Works, with something to watch",
         "1 address is not as git says."),
        (document([certificate("component.a", suspended=True)]), "watch", "Works, with something to watch",
         "1 address is suspended."),
        (document([certificate("component.a", served="stale", health="Degraded")]), "bad", "Needs attention",
         "1 process serves another certificate than the one on disk."),
        (document([certificate("component.a")], conditions=[condition("Ready", "Unknown", "NotRunning", "")]), "watch",
         "Works, with something to watch", "No reconciler is running."),
        (document([certificate("component.a")], conditions=[condition("Ready", "False", "LockHeld", "")]), "bad",
         "Needs attention", "The reconciler is not ready (LockHeld)."),
        (document([certificate("component.a")], conditions=[condition("ClockUncertain", "True", "ClockWentBack", "")]), "bad",
         "Needs attention", "The clock cannot be trusted."),
        (document([certificate("component.a")], conditions=[condition("Suspended", "True", "SuspendedByDesiredState", "")]),
         "watch", "Works, with something to watch", "Suspended is True."),
    ],
)  # fmt: skip
def test_verdict(status: StatusDocument, alarm: str, headline: str, sentence: str) -> None:
    """The whole in one sentence."""
    said = verdict(status, now=NOW)
    assert (said.alarm, said.headline, said.sentence) == (alarm, headline, sentence)


@pytest.mark.parametrize(
    ("kind", "status", "reason", "alarm"),
    [
        ("Ready", "True", "ReconciliationSucceeded", "good"),
        ("Ready", "False", "ApplyFailed", "bad"),
        ("Ready", "False", "ChangesPending", "watch"),
        ("Ready", "Unknown", "Starting", "watch"),
        ("SourceVerified", "False", "SignatureInvalid", "bad"),
        ("Stalled", "True", "SignatureInvalid", "bad"),
        ("Stalled", "False", "", "good"),
        ("Reconciling", "True", "ProgressingWithRetry", "watch"),
        ("Leader", "True", "HoldsLease", "good"),
        ("Leader", "False", "HeldByAnother", "good"),
        ("Leader", "Unknown", "LeaseUnknown", "watch"),
        ("SomethingNew", "True", "X", "bad"),
    ],
)
def test_conditions_by_alarm(kind: str, status: ConditionStatus, reason: str, alarm: str) -> None:
    """Good when True for two of them, bad when True for all others."""
    assert condition_alarm(condition(kind, status, reason, "")) == alarm


def test_lanes() -> None:
    """A CA and its copies are one; what has expired and what is overdue come first, then what is renewed next."""
    lanes = timeline_of(RICH, now=NOW).lanes
    assert [(lane.label, lane.count, lane.places, lane.alarm) for lane in lanes][:6] == [
        ("component.jane", 1, 1, "bad"),
        ("component.legacy-lb", 1, 1, "bad"),
        ("component.ingress", 1, 1, "watch"),
        ("ca.front-proxy", 1, 1, "watch"),
        ("component.mesh-gateway", 1, 1, "good"),
        ("component.batch", 1, 1, "watch"),
    ]
    assert lanes[-1].label == "ca.kubernetes"
    assert (lanes[-1].count, lanes[-1].places) == (1, 4)


def test_lanes_of_many_kinds_are_bounded() -> None:
    """Forty kinds and more: those that end last are counted."""
    rows = [certificate(f"component.c{kind}[{node}]", left=(40 + kind) * DAY) for kind in range(50) for node in range(2)]
    timeline = timeline_of(document(rows), now=NOW)
    assert (len(timeline.lanes), timeline.certificates, timeline.left_out) == (36, 100, 28)


@pytest.mark.parametrize(
    "distances", [(HOUR,), (20 * HOUR, 3650 * DAY), (-3 * DAY, 5 * DAY, 300 * DAY), (), (-DAY,), (timedelta(0),)]
)
def test_scale(distances: tuple[timedelta, ...]) -> None:
    """Later is further right, all of it on the paper, and labels stand apart."""
    scale = scale_for(distances)
    places = [scale.place(distance) for distance in sorted((*distances, timedelta(0)))]
    assert places == sorted(places)
    assert all(0 <= place <= 98 for place in places)
    ticks = scale.ticks()
    assert ticks[0][0] == "now"
    assert len(ticks) >= 2
    assert all(after - before >= 7.5 for (_, before), (_, after) in pairwise(ticks))


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (3650 * DAY, "10y"), (3200 * DAY, "8.8y"), (365 * DAY, "365d"), (30.4 * DAY, "30d"), (29.5 * DAY, "29d 12h"),
        (4 * DAY + 6 * HOUR, "4d 6h"), (timedelta(minutes=12), "12m"), (timedelta(0), "0s"),
    ],
)  # fmt: skip
def test_rough(length: timedelta, words: str) -> None:
    """As much as matters."""
    assert rough(length) == words


def test_authorities_are_those_that_there_are() -> None:
    """A node that holds only a copy of a CA shows the CA by its copy."""
    copy = replace(AUTHORITIES[0], address="ca.kubernetes[cp-1]")
    words = page(document([copy, certificate("component.a")])).words["authorities"]
    assert "ca.kubernetes 2 CN=kubernetes ecdsa-p256 1 1 2034-08-25" in words


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2, definition of relative luminance)."""
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "head"])
@pytest.mark.parametrize("ink", ["ink", "dim", "good", "watch", "bad"])
def test_contrast(scheme: int, ground: str, ink: str) -> None:
    """Every colour of text can be read on both grounds, light and dark: 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", re.findall(r":root {(.*?)}", BASE_STYLE, re.DOTALL)[scheme]))
    darker, lighter = sorted((luminance(colours[ink]), luminance(colours[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
