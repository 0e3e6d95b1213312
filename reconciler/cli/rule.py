"""``cluster-pki rule CODE``: what a code means, why it is a mistake, and what to write instead."""

from __future__ import annotations

import argparse
import difflib
import sys
from importlib import resources

from reconciler.cli.exit_codes import ExitCode
from reconciler.desired.rules import RULES
from reconciler.render.escape import quoted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the code."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as CPK203, or a rule's name; all rules when left out")


def run(arguments: argparse.Namespace) -> int:
    """Prints the page of a rule, or the list of rules."""
    if arguments.code is None:
        for rule in RULES.values():
            print(f"{rule.code}  {rule.severity:<7}  {rule.name:<24}  {rule.summary}")
        return ExitCode.SUCCESS
    code = find(arguments.code)
    if code is None:
        print(f"Error: there is no rule {quoted(arguments.code)}; {suggestion(arguments.code)}", file=sys.stderr)
        return ExitCode.ERROR
    print(page(code), end="")
    return ExitCode.SUCCESS


def find(text: str) -> str | None:
    """The code for a code in any case, or for a rule's name."""
    if text.upper() in RULES:
        return text.upper()
    return next((rule.code for rule in RULES.values() if rule.name == text.lower()), None)


def suggestion(text: str) -> str:
    """The nearest code or name: a code that begins so, else one that looks like it."""
    begun = [code for code in RULES if text and code.startswith(text.upper())]
    names = [rule.name for rule in RULES.values()]
    near = begun or difflib.get_close_matches(text.upper(), RULES, n=1) or difflib.get_close_matches(text.lower(), names, n=1)
    return f'did you mean "{near[0]}"?' if near else "`cluster-pki rule` lists them all"


def page(code: str) -> str:
    """The page of a rule, in Markdown. The pages ship with the package: docs/rules is linked into it."""
    return (resources.files("reconciler") / "rules" / f"{code}.md").read_text(encoding="utf-8")
