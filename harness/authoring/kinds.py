"""Every kind of check as its author wrote it down: docstring, options, defaults."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import types
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from itertools import takewhile
from typing import Any, Union, get_args, get_origin, get_type_hints

from harness.checks.registry import kinds
from harness.code.nodes import walk
from harness.code.parsing import parse
from harness.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class OptionTold:
    """A key of a check beside ``kind`` and ``entry_points``."""

    name: str
    # In words: ``a number``.
    type: str
    # As YAML has it; ``None`` where the key is needed.
    default: str | None
    # What it means; empty where its author does not say.
    about: str


@dataclass(frozen=True)
class KindTold:
    """What a kind of check asks, and what may be said of it in a scenario."""

    kind: str
    # Whether it is asked of functions of plain values; else of those of tensors.
    plain: bool
    # The one thing that it asks.
    asks: str
    # When to use it, and what else there is to know, one paragraph each.
    about: tuple[str, ...]
    options: tuple[OptionTold, ...]
    # Distribution that it is from; empty for those of the harness.
    origin: str


def told_kinds() -> tuple[KindTold, ...]:
    """Every kind there is, those of plain values last, in the order in which they are asked."""
    every = [_told(kind, check) for kind, check in kinds().items()]
    return tuple(sorted(every, key=lambda told: told.plain))


def told_kind(name: str) -> KindTold:
    """One kind. Raises ``UsageError`` that names the nearest."""
    for told in told_kinds():
        if told.kind == name:
            return told
    raise UsageError(
        f"there is no check kind {name!r}.{did_you_mean(name, kinds())} "
        f"Known kinds: {', '.join(sorted(kinds()))}"
    )


def _told(kind: str, check: type[Any]) -> KindTold:
    # A dataclass without a docstring has one made of its signature.
    text = inspect.cleandoc(check.__doc__ or "")
    signature = f"{check.__name__}{inspect.signature(check)}".replace(" -> None", "")
    paragraphs = [] if text == signature else re.split(r"\n\s*\n", text.replace("``", "`"))
    asks, *about = [" ".join(one.split()) for one in paragraphs if one.strip()] or [""]
    hints, comments = get_type_hints(check), _comments(check)
    options = (
        OptionTold(one.name, in_words(hints[one.name]), _default(one), comments.get(one.name, ""))
        for one in fields(check)
    )
    module = check.__module__.partition(".")[0]
    origin = "" if module == "harness" else module
    plain = bool(getattr(check, "plain", False))
    return KindTold(kind, plain, asks, tuple(about), tuple(options), origin)


def _default(field: Field[Any]) -> str | None:
    value = field.default
    if value is MISSING and field.default_factory is not MISSING:
        value = field.default_factory()
    return None if value is MISSING else json.dumps(value)


def in_words(hint: Any) -> str:
    """A type as an author of YAML would say it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(in_words(one) for one in inner)
    if origin is tuple and Ellipsis not in inner:
        return f"[{', '.join(map(in_words, inner))}]"
    if origin in (tuple, list, frozenset):
        return f"list of {in_words(inner[0])}"
    if origin is not None and inner and len(inner) == 2:
        return f"mapping of {in_words(inner[0])} to {in_words(inner[1])}"
    names = {
        bool: "true or false",
        int: "integer",
        float: "number",
        str: "text",
        type(None): "null",
    }
    return names.get(hint) or str(getattr(hint, "__name__", "value"))


def _comments(check: type[Any]) -> dict[str, str]:
    """What stands above each field, of this class and of those it is made from."""
    found: dict[str, str] = {}
    for one in reversed(check.__mro__):
        found |= _comments_of(one.__module__).get(one.__name__, {})
    return found


@cache
def _comments_of(module: str) -> dict[str, dict[str, str]]:
    """Class -> field -> the comment above it, for the classes of a module."""
    try:
        text = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):  # no file holds it
        return {}
    lines = text.splitlines()
    return {
        node.name: {
            field.target.id: _above(lines[: field.lineno - 1])
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for node in walk(parse(text))
        if isinstance(node, ast.ClassDef)
    }


def _above(lines: list[str]) -> str:
    """The comment that these lines end with."""
    said = list(takewhile(lambda line: line.lstrip().startswith("#"), reversed(lines)))
    return " ".join(line.strip().lstrip("# ") for line in reversed(said)).replace("``", "`")
