"""``cluster-pki requests list|show|approve|deny|get|new``: signing requests, from whoever asks to whoever decides.

Decisions are edits of the desired state, for a commit and a pull request; nothing is signed here.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Final, Protocol, cast

from reconciler.cli.options import UsageError, add_common
from reconciler.cli.sources import add_source

#: What can be done, with the module that does it and the options that only it has.
ACTIONS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "list": ("listing", frozenset()),
    "show": ("showing", frozenset()),
    "approve": ("deciding", frozenset({"reason"})),
    "deny": ("deciding", frozenset({"reason"})),
    "get": ("getting", frozenset({"server", "cluster_name", "namespace"})),
    "new": (
        "making",
        frozenset(
            {
                *("group", "san", "key", "ca", "lifetime", "out_dir", "kubeconfig"),
                *("ca_file", "server", "cluster_name", "namespace"),
            }
        ),
    ),
}
#: Formats that each of them has; the first is the default.
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "list": ("text", "json"),
    "show": ("text", "json"),
    "get": ("pem", "yaml", "kubeconfig"),
}
_TEXT: Final = "text"
_ACTIONS: Final = """\
list          every request: who asks for what, and how far it is
show NAME     all that a reviewer has to know, and what policy says to it
approve NAME  write the approval into the YAML, for a commit and its review
deny NAME     write a denial into it, with --reason
get NAME      print what was signed, as pem, yaml or kubeconfig
new NAME      make a key, a request, an entry in the YAML, and a kubeconfig"""


class ActionModule(Protocol):
    """What the module of an action offers."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does the work; returns the exit code."""
        ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``requests``."""
    what = parser.add_argument_group("what to do", _ACTIONS)
    what.add_argument("what", choices=tuple(ACTIONS), metavar="ACTION", help="one of these")
    what.add_argument("name", nargs="?", default=None, metavar="NAME", help="of the request; list needs none")
    decide = parser.add_argument_group("approve, deny")
    decide.add_argument("--reason", default=None, metavar="TEXT", help="why; needed to deny, and kept in the audit log")
    new = parser.add_argument_group("new")
    new.add_argument("--group", action="append", default=[], metavar="GROUP", help="a group (O) to ask for; repeatable")
    new.add_argument("--san", action="append", default=[], metavar="NAME", help="a name: dns:…, ip:…, uri:…, email:…; repeatable")
    new.add_argument("--key", default=None, metavar="TYPE", help="type of the key (default ecdsa-p256)")
    new.add_argument("--ca", default=None, metavar="NAME", help="the CA that signs (default kubernetes, or the only one)")
    new.add_argument("--lifetime", default=None, metavar="DURATION", help="such as 90d (default what policy allows)")
    new.add_argument(
        "--out-dir", default=None, metavar="DIR", help="where the request goes, beside or below the main file (default requests)"
    )
    new.add_argument(
        "--kubeconfig",
        default=None,
        metavar="FILE",
        help="gets the context, and the key beside it (default ~/.kube/NAME.conf); an existing file keeps what is in it",
    )
    new.add_argument("--ca-file", default=None, metavar="FILE", help="certificates that the API server is verified with")
    client = parser.add_argument_group("new, get --format kubeconfig")
    client.add_argument("--server", default=None, metavar="URL", help="the API server (default as other kubeconfigs have it)")
    client.add_argument("--cluster-name", default=None, metavar="NAME", help="the cluster entry (default likewise)")
    client.add_argument("--namespace", default=None, metavar="NAME", help="the namespace of the context")
    add_source(parser)
    add_common(parser, formats=(_TEXT, "json", "pem", "yaml", "kubeconfig"))


def run(arguments: argparse.Namespace) -> int:
    """Does one of the actions."""
    action = arguments.what
    module, own = ACTIONS[action]
    if action != "list" and arguments.name is None:
        msg = f"requests {action} needs the name of a request"
        raise UsageError(msg)
    if action == "list" and arguments.name is not None:
        msg = f"requests list lists all of them; `requests show {arguments.name}` shows one"
        raise UsageError(msg)
    for option in sorted({name for _, names in ACTIONS.values() for name in names} - own):
        if getattr(arguments, option):
            msg = f"--{option.replace('_', '-')} is no option of requests {action}"
            raise UsageError(msg)
    formats = FORMATS.get(action, (_TEXT,))
    if arguments.format == _TEXT:
        arguments.format = formats[0]
    if arguments.format not in formats:
        msg = f"requests {action} has the formats {', '.join(formats)}"
        raise UsageError(msg)
    return cast("ActionModule", importlib.import_module(f"reconciler.cli.requests.{module}")).run(arguments)
