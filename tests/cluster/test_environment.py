"""Environment files, and etcd's variables as flags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.environment import etcd_settings, parse_environment


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
        ("# A=1\n; B=2\n\nC=3", {"C": "3"}),
        ('A="--a=1 --b=2"', {"A": "--a=1 --b=2"}),
        ("A='$x \"y\"'", {"A": '$x "y"'}),
        (r'A="a\"b\\c\$d\n"', {"A": r'a"b\c$d\n'}),
        (r"A=a\ b", {"A": "a b"}),
        ("A=a \\\n  b", {"A": "a    b"}),
        ('A="b"c', {"A": "bc"}),
        ("A=", {"A": ""}),
        ("  A = x  ", {"A": "x"}),
        ("export A=x", {"A": "x"}),
        ('A="not closed', {"A": "not closed"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("nothing\n=x\n1A=y", {}),
        ("", {}),
    ],
)
def test_variables(text: str, variables: dict[str, str]) -> None:
    """Assignments as systemd reads them; what assigns nothing is passed over."""
    assert parse_environment(text) == variables


def test_variables_of_etcd_are_flags() -> None:
    """Upper case and underscores are the flag's name; empty variables and others' are not settings."""
    environment = {"ETCD_CERT_FILE": "/a", "ETCD_PEER_CERT_FILE": "/b", "ETCD_NAME": "", "ETCD_": "x", "ETCDCTL_API": "3"}
    assert etcd_settings(environment) == {"cert-file": ("/a",), "peer-cert-file": ("/b",)}


@given(st.text(max_size=200))
def test_nothing_is_refused(text: str) -> None:
    """Any text at all is read."""
    assert all(isinstance(value, str) for value in parse_environment(text).values())


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), st.text("abc -=/$#;,.:", max_size=20)))
def test_single_quotes_keep_everything(variables: dict[str, str]) -> None:
    """A value in single quotes is what was written between them."""
    text = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    assert parse_environment(text) == {name: value.strip() for name, value in variables.items()}
