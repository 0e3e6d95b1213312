"""What has to be true of a server at every instant, and what once all is done. Knows nothing of the program under test.

Run by the crash harness as ``python -m tests.crash.check_server DIRECTORY STATE-FILE [STORY]``, together with what has to be
true of the files: with the name of a story, all is done.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.crash.check_pairs import is_authority, violations
from tests.crash.vault_stories import STORIES, VaultStory
from tests.vault_server.kv import Kv
from tests.vault_server.pki.engine import Pki
from tests.vault_server.pki.state import certificate, public_bytes
from tests.vault_server.transit import Transit
from tests.vault_server.world import World


def torn(world: World) -> Iterator[str]:
    """Secrets whose key is not that of their certificate, in any version; certificates beside no key; versions without data."""
    for mount, engine in world.engines("kv"):
        assert isinstance(engine, Kv)
        for path, secret in engine.secrets.items():
            latest = secret.versions.get(secret.current)
            if latest is None or latest.value is None:
                yield f"{mount}{path} has no version that could be read"
            for number, version in secret.versions.items():
                data = version.value or {}
                if "certificate" not in data:
                    continue
                if "private_key" not in data:
                    yield f"{mount}{path} has a certificate without a key in version {number}"
                    continue
                leaf = x509.load_pem_x509_certificate(str(data["certificate"]).encode())
                key = load_pem_private_key(str(data["private_key"]).encode(), None)
                if public_bytes(leaf.public_key()) != public_bytes(key.public_key()):
                    yield f"{mount}{path} has another key than that of its certificate in version {number}"


def left_over(world: World, story: VaultStory) -> Iterator[str]:
    """What lives and is used by nobody, or should live and does not."""
    now = time.time()
    leaves: Counter[str] = Counter()
    authorities: Counter[tuple[str, bytes, bytes]] = Counter()
    issuers = 0
    for mount, engine in world.engines("pki"):
        assert isinstance(engine, Pki)
        state = engine.state
        for issued in state.certificates.values():
            parsed = certificate(issued.pem)
            if issued.revoked or parsed.not_valid_after_utc.timestamp() <= now:
                continue
            if is_authority(parsed):
                authorities[mount, parsed.issuer.public_bytes(), public_bytes(parsed.public_key())] += 1
            else:
                leaves[f"{_names(parsed)} by {parsed.issuer.rfc4514_string()}"] += 1
        keys = Counter(issuer.key for issuer in state.issuers.values() if issuer.key)
        issuers += len(keys)
        yield from (f"{many} issuers of {mount} have the same key" for many in keys.values() if many > 1)
        yield from (f"the key {key.name or key.id} of {mount} has no issuer" for key in state.keys.values() if key.id not in keys)
        yield from (f"an issuer of {mount} has no key" for issuer in state.issuers.values() if not issuer.key)
        yield from (f"an issuer of {mount} has no name" for issuer in state.issuers.values() if not issuer.name)
    if sum(leaves.values()) != story.live:
        yield f"{sum(leaves.values())} certificates live instead of {story.live}: {dict(leaves)}"
    yield from (f"{many} certificates of one CA live in {mount[0]}" for mount, many in authorities.items() if many > 1)
    if issuers != story.issuers:
        yield f"{issuers} CAs have a key instead of {story.issuers}"
    transit = tuple(sorted(name for _, engine in world.engines("transit") for name in cast("Transit", engine).keys))
    if transit != story.transit:
        yield f"the keys {transit} are there instead of {story.transit}"


def _names(leaf: x509.Certificate) -> str:
    return ",".join(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


def main(directory: Path, state: Path, story: str = "") -> int:
    """Prints what is wrong; 0 when nothing is."""
    world = cast("World", pickle.loads(state.read_bytes()))  # noqa: S301  (our own)
    wrong = [*violations(directory / "srv", directory), *torn(world)]
    if story:
        wrong += left_over(world, next(each for each in STORIES if each.name == story))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
