"""Stories that rest on a server, attacked at every system call, sockets among them; each run has a server of its own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.crash.cli_stories import HARNESS
from tests.crash.vault_stories import ADDRESS, VaultStory, furnished, listening, prepare
from tests.real.cluster import REPOSITORY, environment

#: Beside the desired state of the template: the state of the server that belongs to it.
STATE: Final = "server.state"
_SERVER: Final = f"{sys.executable} -m tests.vault_server --port-file {{run}}/port --state-file {{run}}/state"
#: A server with that state, and its address in the desired state.
START: Final = f"""\
mv {{dir}}/{STATE} {{run}}/state &&
{{{{ setsid {_SERVER} >/dev/null 2>&1 </dev/null & echo $! >{{run}}/pid; }}}} &&
for _ in $(seq 300); do [ -e {{run}}/port ] && break; sleep 0.1; done &&
sed -i "s#{ADDRESS}#$(cat {{run}}/port)#" {{dir}}/cluster-pki.yaml
""".replace("{{", "{").replace("}}", "}")
END: Final = "kill $(cat {run}/pid)"


def _program(command: str) -> str:
    where = "-f {dir}/cluster-pki.yaml --root {dir} --state-dir {dir}/state"
    return f"{sys.executable} -m reconciler.cli.main {command} {where}"


def attack_with_server(
    story: VaultStory, faults: str, workdir: Path, *, events: str = "", jobs: int = 2, timeout: int = 120
) -> subprocess.CompletedProcess[str]:
    """Runs the harness over one story; exit code 0 is "no violation". Once or twice the same command has to mend it."""
    template = workdir / "template"
    server = furnished()
    with listening(server):
        prepare(story, template, server)
        file = template / "cluster-pki.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace(server.address, ADDRESS), encoding="utf-8")
    state = template / STATE
    state.write_bytes(pickle.dumps(server.world))
    state.chmod(0o600)
    (workdir / "scratch").mkdir()
    apply = _program("apply --auto-approve --parallelism 1")
    check = f"{sys.executable} -m tests.crash.check_server {{dir}} {{run}}/state"
    command = [
        *(sys.executable, str(HARNESS), "--template", str(template), "--workdir", str(workdir / "scratch"), "--net"),
        *("--cwd", str(REPOSITORY), "--setup", START, "--teardown", END, "--cmd", f"exec {apply}"),
        *("--check", check, "--recover", f"{apply} || {apply}"),
        *("--final", f"{_program('plan --detailed-exitcode')} && {check} '{story.name}'"),
        *("--forbid", "Traceback|PRIVATE KEY", "--faults", faults, "--jobs", str(jobs), "--timeout", str(timeout), "--quiet"),
        *(("--events", events) if events else ()),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment())
