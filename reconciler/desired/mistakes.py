"""What is wrong with a document's form, each mistake in words: jsonschema finds them, this module says them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from reconciler.desired.diagnostics import Path
from reconciler.desired.spec_parts import (
    ACTIONS,
    DURATION_PATTERN,
    ENDING_PATTERN,
    NAME_PATTERN,
    NODE_PATTERN,
    PERCENT_PATTERN,
    UNIT_PATTERN,
)
from reconciler.desired.spec_people import NAMESPACE_PATTERN
from reconciler.desired.spec_requests import DIGEST_PATTERN
from reconciler.desired.spec_vault import ENGINE_NAME_PATTERN, VARIABLE_PATTERN
from reconciler.desired.unusable import quoted

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from reconciler.desired.schema import Schema

YES_WORDS: Final = frozenset({"yes", "on", "y"})
NO_WORDS: Final = frozenset({"no", "off", "n"})
MAX_LISTED: Final = 14
"""Alternatives that a hint lists; more are left to the editor."""

_TYPE_WORDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
_NAME_HINT: Final = "use lower-case letters, digits and hyphens, at most 63, with a letter or digit at both ends"
#: What a pattern means to a person: what the text should be, and how to write it.
_PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    NAME_PATTERN: ("a name", _NAME_HINT),
    DURATION_PATTERN: ("a duration", "write a number and a unit (y, d, h, m for minutes, s): 90d, 8760h, 1y, 1d12h"),
    f"({DURATION_PATTERN})|({PERCENT_PATTERN})": ("a duration or a share of the lifetime", 'write 30d, or "33%" (1% to 99%)'),
    r"^0?[0-7]{3}$": ("a file mode", 'write three octal digits, quoted: "0600"'),
    r"^([a-z_][a-z0-9_-]*|[0-9]+)$": ("a user or group", "write a name such as etcd, or a numeric id"),
    r"^https://": ("an https URL", "write https://host:port"),
    r"^/": ("an absolute path", "begin with a slash"),
    r"^v?1\.[0-9]{1,3}(\.[0-9]{1,3})?$": ("a Kubernetes version", 'write "1.36" or "1.36.1"'),
    r"^CPK[0-9]{3}$": ("a rule code", "write CPK and three digits, such as CPK312"),
    r"^[0-9a-fA-F:]+$": ("a serial number", "write it in hexadecimal, as `openssl x509 -serial` prints it"),
    r"^(100|[0-9]{1,2})%$": ("a share", 'write "30%", or a whole number'),
    ENGINE_NAME_PATTERN: ("a name in Vault", "use letters, digits and _.-, with a letter, digit or _ at both ends"),
    VARIABLE_PATTERN: ("the name of a variable", "write it without $, such as VAULT_TOKEN"),
    NAMESPACE_PATTERN: ("a namespace", "use lower-case letters, digits and hyphens (RFC 1123)"),
    UNIT_PATTERN: ("a unit name", "write it as systemctl does, such as kubelet.service"),
    NODE_PATTERN: ("a node name", "use lower-case letters, digits, hyphens and dots (RFC 1123)"),
    ENDING_PATTERN: ("the end of a file's name", "begin with a dot, a hyphen or an underscore: .pem, -key.pem"),
    DIGEST_PATTERN: ("a digest", "write sha256: and the 64 digits that sha256sum prints"),
}
#: Names of ours: what is wrong with one has a code of its own.
_NAMES: Final = frozenset({NAME_PATTERN, NODE_PATTERN})


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake: where (`on_key`: the key itself, else its value), its rule and its words."""

    path: Path
    code: str
    message: str
    hint: str = ""
    on_key: bool = False


class _Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What jsonschema found: a keyword of the schema, what it demands, and the value that does not do so."""

    keyword: str
    demand: Any
    value: Any
    path: Path
    about_key: bool
    branch: int
    schema: Schema
    message: str
    branches: tuple[_Finding, ...]

    @classmethod
    def of(cls, error: ValidationError) -> _Finding:
        """Takes over what is needed, with the types that our own schema guarantees."""
        step = error.relative_schema_path[0]
        return cls(
            keyword=str(error.validator),
            demand=error.validator_value,
            value=error.instance,
            path=tuple(error.absolute_path),
            about_key="propertyNames" in list(error.absolute_schema_path)[-2:],
            branch=step if isinstance(step, int) else 0,
            schema=cast("Schema", error.schema),
            message=error.message,
            branches=tuple(cls.of(inner) for inner in error.context or ()),
        )


def find_mistakes(value: dict[str, Any], schema: Schema) -> Iterator[Mistake]:
    """Every place where a document does not have the form of the schema."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 100 ms, and a valid document never needs it

    for error in Draft202012Validator(schema).iter_errors(value):
        yield from _explain(_Finding.of(error), schema)


def at(path: Path) -> str:
    """A path as people write it: ``components.api.sans.dns[0]``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelled word: the nearest known one, or all when they are few."""
    candidates = sorted(known)
    by_folded = {candidate.casefold().replace("-", "").replace("_", ""): candidate for candidate in candidates}
    folded = word.casefold().replace("-", "").replace("_", "")
    near = difflib.get_close_matches(folded, by_folded, n=1)
    if near:
        return f'did you mean "{by_folded[near[0]]}"?'
    return f"known here: {', '.join(candidates)}" if 0 < len(candidates) <= MAX_LISTED else ""


def _explain(finding: _Finding, schema: Schema) -> Iterator[Mistake]:
    if finding.keyword == "anyOf":
        yield from _any_of(finding, schema)
    elif finding.keyword == "additionalProperties":
        yield from _unknown_keys(finding, schema)
    elif finding.about_key:
        yield _bad_key(finding)
    else:
        yield _EXPLANATIONS[finding.keyword](finding)


def _any_of(finding: _Finding, schema: Schema) -> Iterator[Mistake]:
    """The branch whose type is the value's says what is wrong; without one, the type is."""
    branches: dict[int, list[_Finding]] = {}
    for inner in finding.branches:
        branches.setdefault(inner.branch, []).append(inner)
    expected = []
    for inners in branches.values():
        wrong_type = next((inner for inner in inners if inner.keyword == "type" and inner.path == finding.path), None)
        if wrong_type is None:
            for inner in inners:
                yield from _explain(inner, schema)
            return
        expected.append(str(wrong_type.demand))
    yield _wrong_type(finding.path, finding.value, expected)


def _unknown_keys(finding: _Finding, schema: Schema) -> Iterator[Mistake]:
    properties: dict[str, Schema] = finding.schema["properties"]
    place = finding.path
    where = f" in {at(place)}" if place else ""
    unset = properties.keys() - finding.value.keys()
    for key in finding.value:
        if key not in properties:
            hint = _belongs_inside(key, properties, schema) or did_you_mean(key, unset)
            yield Mistake(path=(*place, key), code="CPK101", message=f"unknown key {quoted(key)}{where}", hint=hint, on_key=True)


def _belongs_inside(key: str, properties: Mapping[str, Schema], schema: Schema) -> str:
    """``dns`` written beside ``sans`` belongs into it."""
    for name, inner in properties.items():
        definition = schema["$defs"].get(inner.get("$ref", "").rpartition("/")[2], {})
        if key in definition.get("properties", {}):
            return f"it belongs under `{name}`"
    return ""


def _bad_key(finding: _Finding) -> Mistake:
    what, hint = _PATTERNS.get(str(finding.demand), ("a valid key", ""))
    code = "CPK108" if finding.demand == NAME_PATTERN else "CPK105"
    path = (*finding.path, str(finding.value))
    hint = _lower_case_hint(finding.value) or hint if code == "CPK108" else hint
    return Mistake(path=path, code=code, message=f"{quoted(finding.value)} is not {what}", hint=hint, on_key=True)


def _missing(finding: _Finding) -> Mistake:
    # jsonschema reports one finding a key, and names the key only in its sentence.
    key = next(key for key in finding.demand if finding.message.startswith(repr(key)))
    place = finding.path
    about: Schema = finding.schema["properties"].get(key, {})
    hint = str(about.get("description", "")).rstrip(".")
    where = f" in {at(place)}" if place else ""
    return Mistake(path=place, code="CPK102", message=f'"{key}" is missing{where}', hint=hint, on_key=True)


def _type(finding: _Finding) -> Mistake:
    return _wrong_type(finding.path, finding.value, [str(finding.demand)])


def _wrong_type(path: Path, value: object, expected: list[str]) -> Mistake:
    wanted = " or ".join(_TYPE_WORDS[name] for name in expected)
    message = f"{at(path) or 'the document'} must be {wanted}, not {_type_of(value)}"
    return Mistake(path=path, code="CPK103", message=message, hint=_type_hint(value, expected))


def _type_hint(value: object, expected: list[str]) -> str:
    """The small edit that most likely was meant."""
    if value is None:
        return "give it a value, or remove the key"
    if "string" in expected and isinstance(value, dict) and list(value.values()) == [None]:
        return f'quote a placeholder: "{{{next(iter(value))}}}"'
    if "string" in expected and isinstance(value, int):
        return f'quote it: "{str(value).lower()}"'
    if "boolean" in expected and isinstance(value, str) and value.lower() in YES_WORDS | NO_WORDS:
        return f"write {'true' if value.lower() in YES_WORDS else 'false'}"
    if "integer" in expected and isinstance(value, str) and value.isdecimal():
        return "remove the quotes"
    if "array" in expected and isinstance(value, str | int):
        return f"write a list: [{value}]"
    return ""


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _enum(finding: _Finding) -> Mistake:
    allowed = [str(word) for word in finding.demand]
    path, value = finding.path, finding.value
    shown = quoted(value) if isinstance(value, str) else _type_of(value)
    near = did_you_mean(value, allowed) if isinstance(value, str) else ""
    one_of = f"one of {', '.join(allowed)}" if len(allowed) > 1 else f'"{allowed[0]}"'
    hint = near if near.startswith("did") else ""
    return Mistake(path=path, code="CPK104", message=f"{at(path)} must be {one_of}, not {shown}", hint=hint)


def _pattern(finding: _Finding) -> Mistake:
    pattern = str(finding.demand)
    what, hint = _PATTERNS[pattern]
    path, value = finding.path, str(finding.value)
    if pattern in _NAMES:
        hint = _lower_case_hint(value) or hint
    message = f"{at(path)}: {quoted(value)} is not {what}"
    return Mistake(path=path, code="CPK108" if pattern in _NAMES else "CPK105", message=message, hint=hint)


def _lower_case_hint(name: str) -> str:
    lower = name.lower().replace("_", "-")
    return f'write "{lower}"' if lower != name and lower.replace("-", "").isalnum() and lower.isascii() else ""


def _range(finding: _Finding) -> Mistake:
    limit, path, value = finding.demand, finding.path, finding.value
    phrases = {
        "minimum": f"must be at least {limit}, not {value}",
        "maximum": f"must be at most {limit}, not {value}",
        "minLength": "must not be empty",
        "maxLength": f"is longer than {limit} characters",
        "minItems": "must not be an empty list",
        "maxItems": f"holds more than {limit} items",
    }
    message = f"{at(path)} {phrases[finding.keyword]}"
    return Mistake(path=path, code="CPK106", message=message, hint="remove the key for the default" if value in ("", []) else "")


def _one_action(finding: _Finding) -> Mistake:
    given = [key for key in finding.value if key in ACTIONS]
    found = " and ".join(given) or "none"
    hint = "make it two hooks" if given else f"write one of {', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}"
    return Mistake(path=finding.path, code="CPK107", message=f"{at(finding.path)} has {found}, a hook is one action", hint=hint)


_EXPLANATIONS: Final[Mapping[str, Callable[[_Finding], Mistake]]] = {
    "required": _missing,
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    **dict.fromkeys(("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"), _range),
    "oneOf": _one_action,
}
