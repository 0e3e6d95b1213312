"""Command lines of the programs of a cluster: which program it is, and what its flags say.

Kubernetes' programs parse their flags with pflag, where ``_`` in a name counts as ``-``; etcd with Go's ``flag``, where one dash
is enough. In both the last value of a scalar counts, and a boolean takes a value only behind ``=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from reconciler.cluster.documents import Settings

#: Base name of an executable to the name of the process, as far as its certificates are known here.
PROGRAMS: Final = {
    **{
        name: name
        for name in (
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet", "kube-proxy"),
            *("cloud-controller-manager", "k3s", "rke2", "k0s"),
        )
    },
    "apiserver": "kube-apiserver",
    "controller-manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}
#: ``hyperkube apiserver``: the short names mean something behind it only.
_SHORT: Final = frozenset({"apiserver", "controller-manager", "scheduler"})
_RUNTIMES: Final = frozenset({"docker", "podman", "nerdctl"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash"})

#: Flags that take no value behind a space, among those that a certificate hangs on or that often stand before one.
_BOOLEANS: Final = frozenset(
    {
        *("client-cert-auth", "peer-client-cert-auth", "auto-tls", "peer-auto-tls", "peer-skip-client-san-verification"),
        *("rotate-certificates", "rotate-server-certificates", "anonymous-auth", "authentication-token-webhook"),
        *("allow-privileged", "enable-bootstrap-token-auth", "use-service-account-credentials", "leader-elect", "profiling"),
        *("enable-aggregator-routing", "enable-kubelet-cert-cn-validation"),
        *("allocate-node-cidrs", "strict-reconfig-check", "pre-vote", "enable-v2", "logtostderr", "alsologtostderr"),
        *("fail-swap-on", "register-node", "service-account-lookup", "authentication-skip-lookup"),
        *("authentication-tolerate-lookup-failure", "cluster-init", "disable-agent", "protect-kernel-defaults"),
        *("force-new-cluster", "register-schedulable", "make-iptables-util-chains"),
    }
)
_WORD: Final = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_QUOTED: Final = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'""", re.DOTALL)


class Command(NamedTuple):
    """A program and what its flags say."""

    process: str
    settings: Settings
    arguments: tuple[str, ...] = ()
    """What is no flag: sub-commands."""


def parse_command(words: Sequence[str]) -> Command | None:
    """The program that a command line starts and its flags; None when it is none of a cluster's.

    Args:
        words: the executable and its arguments. Wrappers before it (``sh -c``, ``kube-log-runner``) are looked through.
    """
    words = list(_unwrapped(words))
    short = False
    indices = range(len(words))
    # Of the words of `docker run --name etcd … etcd --name n1` the last is the program.
    for index in indices if words and _base(words[0]) not in _RUNTIMES else reversed(indices):
        word = words[index]
        name = _base(word)
        if name == "hyperkube":
            short = True
        elif name in PROGRAMS and (short or name not in _SHORT):
            settings, arguments = parse_flags(words[index + 1 :])
            return Command(PROGRAMS[name], settings, arguments)
    return None


def parse_flags(words: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """Values by name of flag, in their order, and the words that belong to no flag."""
    found: dict[str, list[str]] = {}
    others: list[str] = []
    left = iter(words)
    ahead = next(left, None)
    while ahead is not None:
        word, ahead = ahead, next(left, None)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = name.replace("_", "-")
        if not equals:
            if name in _BOOLEANS or ahead is None or ahead.startswith("-"):
                value = "true"
            else:
                value, ahead = ahead, next(left, None)
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}, tuple(others)


def shell_words(text: str) -> tuple[str, ...]:
    """The words of a shell command, quotes removed; nothing is expanded, and nothing is refused."""
    return tuple(_QUOTED.sub(lambda match: match[1] or match[2] or match[3] or "", word) for word in _WORD.findall(text))


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _unwrapped(words: Sequence[str]) -> Iterator[str]:
    """With the script of ``sh -c`` in place of the shell."""
    name = _base(words[0]) if words else ""
    script = next((index for index, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)), None)
    if name in _SHELLS and script is not None and script + 1 < len(words):
        lines = re.sub(r"\\\r?\n", " ", words[script + 1])
        yield from shell_words(lines)
    else:
        yield from words
