"""Names for certificates and paths: what every verifier reads the same way, and a hint for everything else."""

# ruff: noqa: RUF001 - names that look like others are what this is about

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.names import (
    InvalidNameError,
    canonical_dns,
    canonical_email,
    canonical_ip,
    canonical_uri,
    common_name,
    country,
    relative_path,
    subject_attribute,
)

LABEL_63 = "a" * 63
LONGEST = ".".join([LABEL_63, LABEL_63, LABEL_63, "b" * 61])


@pytest.mark.parametrize(
    "name",
    ["a", "localhost", "api.example.com", "1.example", "cp-1", "123", "xn--9ca.org", "a--b.example", "r3---sn.example", LONGEST],
)
def test_dns_names_that_stay_as_they_are(name: str) -> None:
    """Lower-case letters, digits and hyphens; IDNs as A-labels."""
    assert canonical_dns(name, wildcard=False) == name


def test_a_wildcard_is_the_whole_leftmost_label() -> None:
    """Where it is allowed at all."""
    assert canonical_dns("*.apps.example", wildcard=True) == "*.apps.example"


DNS_REFUSALS = [
    ("10.0.0.1", '"10.0.0.1" is an IP address, not a DNS name', "move it to `ip:`"),
    ("::1", '"::1" is an IP address, not a DNS name', "move it to `ip:`"),
    ("10.0.0.1.", '"10.0.0.1." is an IP address, not a DNS name', "move it to `ip:`"),
    ("127.1", '"127.1" ends in a number, programs read it as an IP address', "write an IP address in full under `ip:`"),
    ("010.0.0.1", '"010.0.0.1" ends in a number, programs read it as an IP address', "write an IP address in full under `ip:`"),
    ("a b", '"a b" holds " "', "use lower-case letters, digits and hyphens between dots"),
    ("a..b", '"a..b" has an empty label', 'write "a.b"'),
    (".a", '".a" has an empty label', 'write "a"'),
    ("-a.b", '"-a.b" has a label with a hyphen at its end', "labels begin and end with a letter or digit"),
    ("a.b-", '"a.b-" has a label with a hyphen at its end', "labels begin and end with a letter or digit"),
    ("a\0b", r'"a\x00b" holds "\x00"', "use lower-case letters, digits and hyphens between dots"),
    ("a.example.", '"a.example." ends with a dot', 'write "a.example"'),
    ("API.Example", '"API.Example" has upper-case letters', 'write "api.example"'),
    ("", "an empty DNS name", "remove it"),
    ("é.org", '"é.org" is not ASCII', 'write the A-label "xn--9ca.org", if this name is meant'),
    (
        "раypal.com",
        '"раypal.com" is not ASCII, and it mixes Cyrillic and Latin letters',
        'write the A-label "xn--ypal-43d9g.com", if this name is meant',
    ),
    # IDNA 2003, which Python's own codec speaks, makes another host of it: ss.de.
    ("ß.de", '"ß.de" is not ASCII', 'write the A-label "xn--zca.de", if this name is meant'),
    ("ｅ.org", '"ｅ.org" is not ASCII, and it mixes Fullwidth and Latin letters', 'did you mean "e.org"?'),
    ("ⅰ.org", '"ⅰ.org" is not ASCII', 'did you mean "i.org"?'),
    ("a。org", '"a。org" is not ASCII', 'did you mean "a.org"?'),
    ("xn--a.org", '"xn--a.org": "xn--a" is not a valid A-label (RFC 5891)', "encode the name anew with IDNA 2008"),
    ("xn--", '"xn--" has a label with a hyphen at its end', "labels begin and end with a letter or digit"),
    ("*", '"*" covers a whole top-level domain', "at least two labels must follow `*.`"),
    ("*.org", '"*.org" covers a whole top-level domain', "at least two labels must follow `*.`"),
    ("a*.x.y", '"a*.x.y" has a `*` that is not the whole leftmost label', "write *.domain.example, or name each host"),
    ("a.*.x", '"a.*.x" has a `*` that is not the whole leftmost label', "write *.domain.example, or name each host"),
    ("*.*.x", '"*.*.x" has a `*` that is not the whole leftmost label', "write *.domain.example, or name each host"),
    ("xn--*.x", '"xn--*.x" has a `*` that is not the whole leftmost label', "write *.domain.example, or name each host"),
    ("_srv.x", '"_srv.x" has an underscore, which verifiers refuse in a host name', "use a hyphen"),
    ("*._srv.x", '"*._srv.x" has an underscore, which verifiers refuse in a host name', "use a hyphen"),
    (f"a{LABEL_63}.b", f'"a{LABEL_63}.b" has a label of 64 characters, at most 63 are allowed', "shorten it"),
    (f"{LONGEST}b", f'"{LONGEST[:77]}…" has 254 characters, a DNS name at most 253', "shorten it"),
]


@pytest.mark.parametrize(("name", "message", "hint"), DNS_REFUSALS, ids=[repr(row[0][:20]) for row in DNS_REFUSALS])
def test_dns_names_that_verifiers_refuse_or_misread(name: str, message: str, hint: str) -> None:
    """Each says what is wrong and what to write instead."""
    with pytest.raises(InvalidNameError) as caught:
        canonical_dns(name, wildcard=True)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_wildcard_where_none_is_allowed() -> None:
    """Roles opt in."""
    with pytest.raises(InvalidNameError, match="a wildcard is not allowed here"):
        canonical_dns("*.apps.example", wildcard=False)


@given(st.text(alphabet=string.printable + "éｅß。*\0", max_size=70))
@settings(max_examples=300)
def test_dns_names_are_canonical_or_refused(text: str) -> None:
    """What is accepted is accepted again as it is, and every verifier can compare it byte by byte."""
    try:
        name = canonical_dns(text, wildcard=True)
    except InvalidNameError as error:
        assert error.message  # noqa: PT017 - either outcome is right
        return
    assert name == text == canonical_dns(name, wildcard=True)
    assert set(name) <= set(string.ascii_lowercase + string.digits + "-.*")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_ip_addresses_have_one_spelling(text: str, canonical: str) -> None:
    """An IPv4-mapped address is the IPv4 address that verifiers compare."""
    assert canonical_ip(text) == canonical


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "fe80::1%eth0",
            '"fe80::1%eth0" has a zone, which a certificate cannot hold (RFC 5280 section 4.2.1.6)',
            'write "fe80::1"',
        ),
        ("10.0.0.0/24", '"10.0.0.0/24" is a range, not one address', 'write "10.0.0.0"'),
        (
            "010.0.0.1",
            '"010.0.0.1" is not an IP address',
            'no leading zeros, some programs read them as octal: write "10.0.0.1" if that is meant',
        ),
        ("127.1", '"127.1" is not an IP address', "write all four numbers of an IPv4 address"),
        ("90", '"90" is not an IP address', "write all four numbers of an IPv4 address"),
        ("1:30", '"1:30" is not an IP address', "write an address without a port"),
        ("１０.0.0.1", '"１０.0.0.1" is not an IP address', 'write it with ASCII digits: "10.0.0.1"'),
        ("[::1]", '"[::1]" is not an IP address', 'write "::1"'),
        ("10.0.0.1:6443", '"10.0.0.1:6443" is not an IP address', "write an address without a port"),
        ("256.0.0.1", '"256.0.0.1" is not an IP address', "each number is at most 255"),
        ("api.example", '"api.example" is not an IP address', "host names belong under `dns:`"),
        ("NO", '"NO" is not an IP address', "host names belong under `dns:`"),
        ("", '"" is not an IP address', "write 192.0.2.1 or 2001:db8::1"),
        ("10.0.0.1 ", '"10.0.0.1 " is not an IP address', 'write "10.0.0.1"'),
    ],
)
def test_what_is_no_single_ip_address(text: str, message: str, hint: str) -> None:
    """Zones, ranges, abbreviations and octal-looking numbers."""
    with pytest.raises(InvalidNameError) as caught:
        canonical_ip(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://example.org/ns/prod/sa/web",
        "spiffe://example.org",
        "https://api.example:6443/path?x=1#y",
        "https://[2001:db8::1]/",
        "https://192.0.2.1/",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "ldap://dir.example/cn=a%20b",
    ],
)
def test_uris_that_stay_as_they_are(uri: str) -> None:
    """Absolute, ASCII, lower-case where case has no meaning."""
    assert canonical_uri(uri) == uri


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "an empty URI"),
        ("/path", "is not an absolute URI"),
        ("example.org/x", "is not an absolute URI"),
        ("https://", "is not an absolute URI"),
        ("https://exämple.org/", "holds a character that a URI cannot"),
        ("https://a.example/x y", "holds a character that a URI cannot"),
        ("https://a.example/%zz", "holds a character that a URI cannot"),
        ("HTTPS://a.example/", "has an upper-case scheme"),
        ("https://A.example/", '"A.example" has upper-case letters'),
        ("https://a_b.example/", "has an underscore"),
        ("https://1.2.3/", "is not an IP address"),
        ("https://[fe80::1%25eth0]/", "has a zone"),
        ("https://a.example:port/", "has a malformed host"),
        ("spiffe://Example.org/x", "has no valid trust domain"),
        ("spiffe:///x", "has no valid trust domain"),
        ("spiffe://u@example.org/x", "has no valid trust domain"),
        ("spiffe://example.org:80/x", "has no valid trust domain"),
        ("spiffe://example.org/x?y", "has neither query nor fragment"),
        ("spiffe://example.org/x#y", "has neither query nor fragment"),
        ("spiffe://example.org/", "each part of a SPIFFE id's path"),
        ("spiffe://example.org/a//b", "each part of a SPIFFE id's path"),
        ("spiffe://example.org/a/../b", "each part of a SPIFFE id's path"),
        ("spiffe://example.org/a%20b", "each part of a SPIFFE id's path"),
        ("https://a.example/" + "x" * 2048, "is longer than 2048 characters"),
    ],
)
def test_uris_that_certificates_should_not_hold(uri: str, words: str) -> None:
    """RFC 5280 wants them absolute with a real host; SPIFFE wants less."""
    with pytest.raises(InvalidNameError) as caught:
        canonical_uri(uri)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("mailbox", ["jane@example.com", "Jane.Doe+tag@example.com", "o'neil@example.com"])
def test_mailboxes_that_stay_as_they_are(mailbox: str) -> None:
    """The local part's case is the recipient's business."""
    assert canonical_email(mailbox) == mailbox


@pytest.mark.parametrize(
    ("mailbox", "message", "hint"),
    [
        ("Jane <jane@example.com>", '"Jane <jane@example.com>" is more than a mailbox', 'write "jane@example.com"'),
        ("jane", '"jane" is not a mailbox', "write local@domain"),
        ("jane@", '"jane@" is not a mailbox', "write local@domain"),
        ("@example.com", '"@example.com" is not a mailbox', "write local@domain"),
        ("jane@Example.com", '"Example.com" has upper-case letters', 'write "example.com"'),
        ("jane@10.0.0.1", '"10.0.0.1" is an IP address, not a DNS name', "move it to `ip:`"),
    ],
)
def test_what_is_no_mailbox(mailbox: str, message: str, hint: str) -> None:
    """RFC 822 allowed more than certificates hold."""
    with pytest.raises(InvalidNameError) as caught:
        canonical_email(mailbox)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize("local", ["jané", "a b", ".a", "a.", "a..b", "a@b", "x" * 65, '"a"'])
def test_local_parts_that_need_more_than_ascii_atoms(local: str) -> None:
    """Quoted and internationalised local parts have no common reading."""
    with pytest.raises(InvalidNameError, match="has a local part that certificates cannot hold"):
        canonical_email(f"{local}@example.com")


@pytest.mark.parametrize("path", ["a", "etc/kubernetes/pki/apiserver", "home/jane/.kube/config", "a@b/c+d_e=f.pem", "A/b"])
def test_paths_below_a_root(path: str) -> None:
    """Plain names between slashes."""
    assert relative_path(path) == path


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("", "an empty path", "name the file below the store's root"),
        ("/etc/x", '"/etc/x" is absolute, paths are relative to the store\'s root', 'write "etc/x"'),
        ("../x", '"../x" climbs with `..`', "name a path below the store's root"),
        ("a/../../x", '"a/../../x" climbs with `..`', "name a path below the store's root"),
        ("a//b", '"a//b" is not written in its shortest form', 'write "a/b"'),
        ("./a", '"./a" is not written in its shortest form', 'write "a"'),
        ("a/", '"a/" is not written in its shortest form', 'write "a"'),
        (".", '"." is not written in its shortest form', ""),
        ("..data/x", '"..data/x": names that begin with two dots are reserved (Kubernetes volumes use ..data)', ""),
        ("a b", '"a b" holds " "', "use letters, digits and ._-@+=:,~"),
        ("a\0b", r'"a\x00b" holds "\x00"', "use letters, digits and ._-@+=:,~"),
        ("a\\b", r'"a\\b" holds "\\"', "use letters, digits and ._-@+=:,~"),
        ("é", '"é" holds "é"', "use letters, digits and ._-@+=:,~"),
        ("x" * 256, f'"{"x" * 77}…": a file name is longer than 223 characters', "shorten it"),
        ("x/" * 600, f'"{"x/" * 38}x…" is longer than 1024 bytes', "shorten it"),
    ],
)
def test_paths_that_leave_or_confuse(path: str, message: str, hint: str) -> None:
    """Outside the root, not normalised, or in need of quoting."""
    with pytest.raises(InvalidNameError) as caught:
        relative_path(path)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "name", ["kube-apiserver", "system:node:cp-1", "Demo Root CA g2", "jane@example.com", "Käserei", "x" * 64]
)
def test_common_names_that_stay_as_they_are(name: str) -> None:
    """What people and Kubernetes write."""
    assert common_name(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "an empty common name"),
        ("x" * 65, f'"{"x" * 65}" has 65 characters, a common name at most 64 (RFC 5280 appendix A.1)'),
        ("a,O=system:masters", '"a,O=system:masters" holds ",", which separates attributes in a printed name'),
        ("a+O", '"a+O" holds "+", which separates attributes in a printed name'),
        (" a", '" a" has spaces at an end or twice in a row'),
        ("a  b", '"a  b" has spaces at an end or twice in a row'),
        ("a\u202eb", r'"a\u202eb" holds U+202E, which cannot be seen'),
        ("a\u00a0b", r'"a\xa0b" holds U+00A0, which cannot be seen'),
        ("e\u0301", '"e\u0301" is not in Unicode form NFC'),
        ("systеm:masters", '"systеm:masters" mixes Cyrillic and Latin letters'),
    ],
)
def test_common_names_that_pass_for_something_else(name: str, message: str) -> None:
    """An attribute must not be able to look like two, or like another."""
    with pytest.raises(InvalidNameError) as caught:
        common_name(name)
    assert caught.value.message == message


def test_other_attributes_have_their_own_words_and_limits() -> None:
    """The message names the attribute."""
    assert subject_attribute("Bayern", label="province", limit=128) == "Bayern"
    with pytest.raises(InvalidNameError, match="a province at most 128"):
        subject_attribute("x" * 129, label="province", limit=128)


@pytest.mark.parametrize(
    ("text", "hint"), [("no", 'write "NO"'), ("NOR", "write two letters such as DE"), ("", "write two letters such as DE")]
)
def test_countries_are_two_upper_case_letters(text: str, hint: str) -> None:
    """ISO 3166, Norway included."""
    assert country("NO") == "NO"
    with pytest.raises(InvalidNameError) as caught:
        country(text)
    assert caught.value.hint == hint
