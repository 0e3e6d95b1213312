"""``python -m tests.daemon.leased PROGRAM …``: the program, whose signatures wait while a file is there that a test puts."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from reconciler.cli.main import main
from reconciler.issuers.local import LocalIssuer
from reconciler.x509.csr import SigningRequest
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate

#: In front of the program's own arguments: the interpreter, ``-m`` and the module.
_PROGRAM = 3


def slow(gate: Path) -> None:
    """Makes every signature wait while the gate is there; beside it stands that one waits."""
    sign = LocalIssuer.sign

    def waiting(self: LocalIssuer, request: Request, key: PrivateKey | SigningRequest, *, instead: str = "") -> Certificate:
        signed = sign(self, request, key, instead=instead)
        while gate.exists():
            gate.with_suffix(".waits").touch()
            time.sleep(0.02)
        return signed

    LocalIssuer.sign = waiting  # type: ignore[method-assign] # in this process alone


if __name__ == "__main__":
    slow(Path(os.environ["TEST_GATE"]))
    raise SystemExit(main(sys.argv[1 + _PROGRAM :]))
