"""Applies that are attacked at every system call: what is there before, and what is then asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.stores.files import MANY
from tests.crash.check_pairs import FOREIGN_FILE, FOREIGN_TEXT, LEAST_NUMBER
from tests.real.cluster import REPOSITORY, Cluster, environment, make_cluster
from tests.requesting import csr, manifest

#: The harness that injects a fault at each mutating system call; it is not part of this repository.
HARNESS: Final = REPOSITORY / os.environ.get("CLUSTER_PKI_CRASHPOINTS", "../shared/tools/crashpoints.py")

#: More than any story has.
MOST_EVENTS: Final = 2_000
BEFORE: Final = """\
apiVersion: cluster-pki/v1
cluster: crash
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main}
"""
COMPONENT: Final = """\
  NAME:
    ca: main
    usages: [server auth]
    subject: {commonName: NAME.crash.internal}
    sans: {dns: [NAME.crash.internal]}
    path: pki/NAME
"""
#: Of the last component: the hook must have been run for what is on disk.
HOOK: Final = """\
    after: [{touch: /srv/told}]
"""
#: A component that lives in its kubeconfig, and a bundle.
PERSON: Final = """\
components:
  person: {ca: main, usages: [client auth]}
bundles:
  trust: {cas: [main], path: pki/trust.crt}
kubeconfigs:
  person: {component: person, bundle: trust, server: "https://api.crash.internal:6443", path: pki/person.conf}
"""


def components(*names: str) -> str:
    """The `components` of a desired state."""
    return "components:\n" + "".join(COMPONENT.replace("NAME", name) for name in names)


def _one_new_pair(home: Path) -> None:
    cluster = make_cluster(home, BEFORE)
    cluster.apply()
    _ask(cluster, BEFORE + components("first"))


def _a_renewal(home: Path) -> None:
    cluster = make_cluster(home, BEFORE + components("first", "second"))
    cluster.apply()
    _ask(cluster, BEFORE + components("first", "second") + "    reissue: please\n")


def _first_apply_of_five(home: Path) -> None:
    make_cluster(home, BEFORE + components("first", "second", "third", "fourth", "fifth"))


def _a_batch(home: Path) -> None:
    cluster = make_cluster(home, BEFORE)
    cluster.apply()
    _ask(cluster, BEFORE + components(*(f"member-{number}" for number in range(MANY + 2))))


def _a_person(home: Path) -> None:
    cluster = make_cluster(home, BEFORE)
    cluster.apply()
    _ask(cluster, BEFORE + PERSON)


#: Two people in a file that is somebody else's, too.
SHARED: Final = """\
components:
  person: {ca: main, usages: [client auth]}
  admin: {ca: main, usages: [client auth]}
bundles:
  trust: {cas: [main], path: pki/trust.crt}
kubeconfigs:
  person:
    component: person
    bundle: trust
    server: https://api.crash.internal:6443
    users: {admin: {component: admin}}
    contexts: {admin: {user: admin}}
    path: shared/config
    merge: true
"""


def _a_shared_file(home: Path) -> None:
    cluster = make_cluster(home, BEFORE)
    cluster.apply()
    shared = cluster.root / "srv" / FOREIGN_FILE
    shared.parent.mkdir()
    shared.write_text(FOREIGN_TEXT, encoding="utf-8")
    _ask(cluster, BEFORE + SHARED)


def _ask(cluster: Cluster, text: str) -> None:
    cluster.file.write_text(text, encoding="utf-8")


def _a_pass_with_a_hook(home: Path) -> None:
    cluster = make_cluster(home, BEFORE + components("first", "second") + HOOK)
    cluster.apply()
    _ask(cluster, BEFORE + components("first", "second") + HOOK + "    reissue: please\n")


#: Of the CA of `BEFORE`: a list in both formats, published as one.
LIST: Final = "main: {path: ca/main, crl: {path: ca/main.crl}}"


def _a_due_list(home: Path) -> None:
    """An empty list from five days ago: two days of seven are left."""
    cluster = make_cluster(home, BEFORE.replace("main: {path: ca/main}", LIST))
    Cluster(home=home, clock="-5d").apply()
    _remember_number(cluster)


def _a_revocation(home: Path) -> None:
    """One certificate of two is revoked: it is replaced, then listed."""
    text = BEFORE.replace("main: {path: ca/main}", LIST)
    cluster = make_cluster(home, text + components("first", "second"))
    cluster.apply()
    _remember_number(cluster)
    serial = cluster.resources()["component.first"]["serial"]
    revocations = f"revocations: [{{component: first, serial: '{serial}', reason: keyCompromise}}]\n"
    _ask(cluster, text + components("first", "second") + revocations)


#: Somebody asks with a Kubernetes object, somebody else with PEM.
ASKING: Final = """\
requests:
  jane: {csr: requests/jane.yaml, ca: main, approval: approved, path: people/jane}
  ann: {csr: requests/ann.csr, ca: main, approval: APPROVAL, path: people/ann}
"""


def _requests(home: Path) -> None:
    """One comes with a new key, one is approved, one is denied: certificates, an answer, and an entry in the audit log."""
    (home / "requests").mkdir()
    (home / "requests/ann.csr").write_text(csr("/CN=ann", holder="ann"))
    (home / "requests/jane.yaml").write_text(manifest(csr()))
    cluster = make_cluster(home, BEFORE + ASKING.replace("APPROVAL", "pending"))
    cluster.apply()
    (home / "requests/jane.yaml").write_text(manifest(csr(holder="another laptop")))
    (home / "requests/bob.csr").write_text(csr("/CN=bob", holder="bob"))
    denied = "  bob: {csr: requests/bob.csr, ca: main, approval: denied, reason: stranger}\n"
    _ask(cluster, BEFORE + ASKING.replace("APPROVAL", "approved") + denied)


def _remember_number(cluster: Cluster) -> None:
    """Below this no list may ever fall again."""
    (cluster.home / LEAST_NUMBER).write_text(str(cluster.resources()["crl.main"]["number"]), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One apply, or one reconciler, under attack."""

    name: str
    prepare: Callable[[Path], None]
    """Makes the directory that every run starts from."""
    command: str = "apply --auto-approve --parallelism 1"
    """One worker, so that every run meets the same events in the same order."""
    term_after: float = 0.0
    """Seconds after which a command that runs for ever is terminated."""
    every: int = 1
    """Only each so many-th system call is attacked: a batch makes the same calls again and again."""
    rotates: bool = False
    """Whether it is about a rotation, of which more can be asked."""

    @property
    def events(self) -> str:
        """The numbers of the system calls that are attacked, for the harness; empty for all."""
        return ",".join(map(str, range(1, MOST_EVENTS, self.every))) if self.every > 1 else ""


STORIES: Final = (
    Story(name="one new pair", prepare=_one_new_pair),
    Story(name="a renewal", prepare=_a_renewal),
    Story(name="first apply of five", prepare=_first_apply_of_five),
    Story(name="a kubeconfig and a bundle", prepare=_a_person),
    Story(name="a batch that is synced by file system", prepare=_a_batch, every=7),
    Story(name="a pass with a hook", prepare=_a_pass_with_a_hook, command="run --once --parallelism 1"),
    Story(name="an empty list that is due", prepare=_a_due_list),
    Story(name="a revocation", prepare=_a_revocation),
    Story(name="requests", prepare=_requests),
    Story(name="a shared kubeconfig", prepare=_a_shared_file),
    Story(
        name="a reconciler at work",
        prepare=_a_pass_with_a_hook,
        command="run --interval 1h --listen off --parallelism 1",
        term_after=3.0,
    ),
)
#: That one which runs until it is told to stop.
LONG_LIVED: Final = STORIES[-1]


def program(command: str) -> str:
    """A command line for the harness."""
    where = "-f {dir}/cluster-pki.yaml --root {dir}/root --state-dir {dir}/state"
    return f"exec {sys.executable} -m reconciler.cli.main {command} {where}"


PLAN: Final = "plan --detailed-exitcode"
#: No hook is owed: whatever was published, its readers were told.
DELIVERED: Final = f"{sys.executable} -m tests.crash.check_delivered {{dir}}"
CHECK: Final = f"exec {sys.executable} -m tests.crash.check_pairs {{dir}}"
#: Sound pairs too, and the phase is found again, whatever else is lost; with `final`, that nothing was issued twice.
ROTATION: Final = f"{sys.executable} -m tests.crash.check_rotation {{dir}}"


def attack(
    story: Story, faults: str, workdir: Path, *, events: str = "", jobs: int = 2, timeout: int = 60
) -> subprocess.CompletedProcess[str]:
    """Runs the harness over one story; exit code 0 is "no violation"."""
    template = workdir / "template"
    template.mkdir(parents=True)
    story.prepare(template)
    scratch = workdir / "scratch"
    scratch.mkdir()
    check, final = CHECK, f"{program(PLAN)[5:]} && {DELIVERED}"
    if story.rotates:
        check, final = f"exec {ROTATION}", f"{program(PLAN)[5:]} && exec {ROTATION} final"
    command = [
        *(sys.executable, str(HARNESS), "--template", str(template), "--workdir", str(scratch), "--cwd", str(REPOSITORY)),
        *("--cmd", program(story.command), "--check", check, "--final", final),
        *("--recover", program(story.command if not story.term_after else "run --once")),
        *("--forbid", "Traceback|PRIVATE KEY", *(("--term-after", str(story.term_after)) if story.term_after else ())),
        *("--faults", faults, "--jobs", str(jobs), "--timeout", str(timeout), "--quiet"),
    ]
    if events:
        command += ["--events", events]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment())
