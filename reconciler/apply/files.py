"""From certificates and keys to the files of a publication: pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.desired.model import OUTPUT_SUFFIX, Access, Component
from reconciler.stores.publication import OutFile
from reconciler.x509 import outputs
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate

CERTIFICATE_MODE = 0o644


def pair_files(chain: Sequence[Certificate], key: PrivateKey, access: Access) -> tuple[OutFile, ...]:
    """``.key`` and ``.crt``, the key first: a visible certificate always has its key."""
    return (
        OutFile(suffix=".key", data=key.pem(), mode=access.mode),
        OutFile(suffix=".crt", data=outputs.fullchain(chain), mode=CERTIFICATE_MODE),
    )


def authority_files(certificate: Certificate, key: PrivateKey | None, access: Access) -> tuple[OutFile, ...]:
    """The files of a CA; a key that is elsewhere has none."""
    if key is not None:
        return pair_files((certificate,), key, access)
    return (OutFile(suffix=".crt", data=certificate.pem, mode=CERTIFICATE_MODE),)


def component_files(
    component: Component, chain: Sequence[Certificate], key: PrivateKey, *, password: bytes | None
) -> tuple[OutFile, ...]:
    """Every file of a component, in the order in which readers may see them appear.

    Args:
        component: what is wanted.
        chain: the certificate, then the intermediates that are served with it.
        key: its key.
        password: of the pkcs12 output, None without one.
    """
    secret = component.access.mode
    files: list[OutFile] = []
    for output in component.outputs:
        match output:
            case "pem":
                files += pair_files(chain, key, component.access)
            case "fullchain":
                files.append(OutFile(suffix=OUTPUT_SUFFIX[output], data=outputs.fullchain(chain), mode=CERTIFICATE_MODE))
            case "combined":
                files.append(OutFile(suffix=OUTPUT_SUFFIX[output], data=outputs.combined(chain, key), mode=secret))
            case "der":
                files.append(OutFile(suffix=OUTPUT_SUFFIX[output], data=outputs.der(chain), mode=CERTIFICATE_MODE))
            case "pkcs12":
                data = outputs.pkcs12(chain, key, password or b"", component.name)
                files.append(OutFile(suffix=OUTPUT_SUFFIX[output], data=data, mode=secret))
    return tuple(files)


def keypair_files(key: PrivateKey, access: Access, *, accepted: Sequence[PrivateKey] = ()) -> tuple[OutFile, ...]:
    """``.key`` and ``.pub``; kubeadm gives both the key's mode.

    Args:
        key: signs.
        access: who may read them.
        accepted: further keys whose signatures are accepted; their public halves follow that of `key`.
    """
    return (
        OutFile(suffix=".key", data=key.pem(), mode=access.mode),
        OutFile(suffix=".pub", data=b"".join(each.public_pem() for each in (key, *accepted)), mode=access.mode),
    )
