"""Holds a document against a model and says what is wrong in the author's terms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, TypeAdapter, ValidationError

from harness.errors import nearest
from harness.read.document import YamlDocument
from harness.read.field import PATTERNS
from harness.read.problem import KeyPath, Problem, described, listed

M = TypeVar("M")

# pydantic's error type to what was expected; ``{}`` takes from the error's context.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "int_type": "an integer",
    "less_than_equal": "a number of at most {le}",
    "list_type": "a list",
    "model_attributes_type": "a mapping",
    "model_type": "a mapping",
    "string_type": "a string",
    "too_short": "at least {min_length} entry",
}
_REMEDY = {
    "bool_type": "Write true or false without quotes.",
    "dict_type": "Write key: value pairs below the key.",
    "list_type": "Write [..] or one line with a leading dash per entry.",
    "model_type": "Write key: value pairs below the key.",
    "string_type": "Write text; a number or true needs quotes.",
}
_MISSING = "no such key"


def validate(document: YamlDocument, model: type[M]) -> tuple[M | None, list[Problem]]:
    """The document as ``model`` (any type that pydantic knows), or all that does not fit."""
    if document.value is None:
        remedy = "Write key: value pairs or delete the file."
        return None, [document.problem((), "an empty file", "a mapping", remedy)]
    try:
        return TypeAdapter(model).validate_python(document.value), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(document, model, detail) for detail in details]
    # A misspelt key is one mistake, not an unknown key and a missing one.
    meant = {(*problem.key[:-1], problem.nearest) for problem in problems if problem.nearest}
    return None, [p for p in problems if p.found != _MISSING or p.key not in meant]


def _problem(document: YamlDocument, model: type, detail: Any) -> Problem:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    value = detail["input"]
    location: tuple[str | int, ...] = detail["loc"]
    if kind == "string_pattern_mismatch" and location[-1] == "[key]":
        location = location[:-1]  # pydantic's mark for an error in a mapping's key
    key, at = _walk(model, location)
    found, close = described(value), None
    remedy = _REMEDY.get(kind, "Correct the value.")
    if kind == "missing":
        found, remedy = _MISSING, f"Add the key {key[-1]!r}."
        expected = _purpose(model, location)
    elif kind == "extra_forbidden":
        valid = sorted(_fields(model, location))
        found, expected = f"the unknown key {key[-1]!r}", listed(valid)
        close, remedy = nearest(str(key[-1]), valid), "Rename the key or delete it."
    elif kind == "union_tag_not_found":
        kinds = [tag.strip("<>") for tag in _tagged(at)]
        expected = f"a mapping with one of the keys {listed(kinds)}"
        close = _nearest_of(value, kinds)
        remedy = "Say with one of these keys what kind it is."
    elif kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']+)'", context["expected"])
        expected = listed(names) if names else context["expected"].lower()
        close = nearest(value, names) if isinstance(value, str) else None
        remedy = "Use one of these."
    elif kind == "string_pattern_mismatch":
        expected = PATTERNS[context["pattern"]]
    elif kind == "unexpected":
        expected, remedy = context["expected"], context["remedy"]
    else:
        expected = _EXPECTED.get(kind, detail["msg"]).format(**context)
    return document.problem(key, found, expected, remedy, close)


def _nearest_of(value: object, valid: Sequence[str]) -> str | None:
    keys = value if isinstance(value, dict) else ()
    return next(filter(None, (nearest(str(key), valid) for key in keys)), None)


def _walk(model: type, location: Iterable[str | int]) -> tuple[KeyPath, Any]:
    """The key path of a pydantic location, without union tags, and the type it leads to."""
    key: list[str | int] = []
    at: Any = model
    for part in location:
        if get_origin(at) is Annotated:
            tagged = _tagged(at)
            at = tagged[str(part)] if tagged else get_args(at)[0]
            if tagged:
                continue
        key.append(part)
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = at.model_fields.get(str(part))
            at = field.annotation if field else Any
            # pydantic keeps apart what tells the members of a union.
            notes = [n for n in field.metadata if isinstance(n, Discriminator)] if field else []
            at = Annotated[at, notes[0]] if notes else at
        else:  # into a list's items or a mapping's values
            at = get_args(at)[-1]
    return tuple(key), at


def _tagged(kind: Any) -> Mapping[str, Any]:
    """The members of a union by their tags; empty for a type that is no union of tagged ones."""
    union, *notes = get_args(kind)
    if not any(isinstance(note, Discriminator) for note in notes):
        return {}
    members = map(get_args, get_args(union))
    return {n.tag: kind for kind, *notes in members for n in notes if isinstance(n, Tag)}


def _fields(model: type, location: tuple[str | int, ...]) -> dict[str, Any]:
    """The fields of the model in which the last part of a location is a key."""
    _, at = _walk(model, location[:-1])
    return dict(at.model_fields)


def _purpose(model: type, location: tuple[str | int, ...]) -> str:
    field = _fields(model, location)[str(location[-1])]
    described_as = field.description or "this part"
    return f"this key ({described_as.rstrip('.')})"
