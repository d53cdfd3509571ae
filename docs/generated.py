"""Writes into a page what the code says: keys of file formats, and kinds of check.

A comment ``<!-- generated: scenario -->`` in a page is replaced when the site is built, so nothing
of it is kept by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from sphinx.application import Sphinx

from harness import results
from harness.authoring.kinds import told_kinds
from harness.read.scenarios.schema import PUBLISHED as SCENARIOS
from harness.read.scenarios.schema import json_schema
from harness.read.transcripts.formats.schema import PUBLISHED as TRANSCRIPTS

Schema = Mapping[str, Any]
FORMATS: Mapping[str, Schema] = {
    **{
        name.partition(".")[0]: json_schema(model)
        for name, model in {**SCENARIOS, **TRANSCRIPTS}.items()
    },
    "results": results.schema(),
}
# Keys of results.json that only its own reports rely on.
_PRIVATE = {"results": ("arms", "skills", "scenarios", "sources")}
_MARK = re.compile(r"<!-- generated: (\w+) -->")


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _fill_in)
    for event in ("description", "options", "arguments", "epilog"):
        app.connect(f"sphinx-click-process-{event}", _escape)
    app.connect("sphinx-click-process-description", _as_code)
    return {"parallel_read_safe": True}


def _fill_in(_: Sphinx, __: str, source: list[str]) -> None:
    text = _MARK.sub(lambda found: generated(found[1]), source[0])
    source[0] = text.replace("](../README.md", "](index.md")  # which includes it


def _escape(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    # A pattern such as skill/* is no emphasis.
    lines[:] = [re.sub(r"(?<![*])[*](?![*])", r"\\*", line) for line in lines]


def _as_code(_: Sphinx, __: click.Context, lines: list[str]) -> None:
    # What a help text keeps in lines are commands.
    kept = [line.startswith("| ") for line in lines]
    begin = [here and not before for here, before in zip(kept, [False, *kept], strict=False)]
    for number in reversed(range(len(lines))):
        if kept[number]:
            lines[number] = "   " + lines[number][2:].replace(r"\*", "*")
        if begin[number]:
            lines[number:number] = [".. code-block:: text", ""]


def generated(name: str) -> str:
    """The Markdown that stands for ``name``, a format or ``checks``."""
    return "\n".join(_check_kinds() if name == "checks" else _Format(name).markdown())


class _Format:
    """A file format as sections, one for each object, in the order in which they are met."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._schema = FORMATS[name]
        self._defs: Mapping[str, Schema] = self._schema.get("$defs", {})
        self._sections: list[str] = []

    def markdown(self) -> Iterator[str]:
        yield from self._table(self._schema, _PRIVATE.get(self._name, ()))
        for name in self._sections:  # grows while it is gone through
            yield from ("", f"({self._anchor(name)})=", f"## {_in_words(name)}", "")
            yield from (_text(self._defs[name].get("description", "")), "")
            yield from self._table(self._defs[name])

    def _table(self, schema: Schema, without: tuple[str, ...] = ()) -> Iterator[str]:
        yield from ("{.keys}", "| key | type | default | meaning |", "|---|---|---|---|")
        for key, about in schema["properties"].items():
            if key not in without:
                default = _default(about, key in schema.get("required", ()))
                yield f"| `{key}` | {self._type(about)} | {default} | {self._meaning(about)} |"

    def _meaning(self, about: Schema) -> str:
        """What a key means; where it says nothing itself, what the object in it is."""
        behind = self._defs.get(next(iter(_behind(about)), ""), {})
        return _text(about.get("description") or behind.get("description", ""))

    def _type(self, about: Schema) -> str:
        match about:
            case {"$ref": str(ref)}:
                return self._linked(ref.rpartition("/")[2])
            case {"anyOf": choices} | {"oneOf": choices}:
                return " or ".join(dict.fromkeys(map(self._type, choices)))
            case {"enum": values}:
                return "one of " + ", ".join(map(_code, values))
            case {"const": value}:
                return _code(value)
            case {"type": "array", "prefixItems": items}:
                return f"\\[{', '.join(map(self._type, items))}\\]"
            case {"type": "array"}:
                least, most = about.get("minItems", 0), about.get("maxItems")
                number = f" of {least}" if least and least == most else ""
                return f"list{number}: {self._type(about.get('items', {}))}"
            case {"type": "object", "additionalProperties": dict(values)}:
                return f"mapping of names: {self._type(values)}"
            case {"type": "object", "patternProperties": dict(patterns)}:
                return f"mapping of names: {self._type(next(iter(patterns.values())))}"
            case {"type": "object"}:
                return "mapping"
            case {"type": kind}:
                names = {"boolean": "true or false", "null": "nothing"}
                return names.get(kind, kind) + _bounds(about)
        return "anything"

    def _linked(self, name: str) -> str:
        schema = self._defs[name]
        if "properties" not in schema:
            return self._type(schema)
        if name not in self._sections:
            self._sections.append(name)
        return f"[{_in_words(name)}](#{self._anchor(name)})"

    def _anchor(self, name: str) -> str:
        return f"{self._name}-{name.lower()}"


def _behind(about: Schema) -> Iterator[str]:
    """Names of the objects that a key holds."""
    if "$ref" in about:
        yield about["$ref"].rpartition("/")[2]
    inside = [about[key] for key in ("items", "additionalProperties") if about.get(key)]
    for inner in (*about.get("anyOf", ()), *(one for one in inside if isinstance(one, dict))):
        yield from _behind(inner)


def _bounds(about: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {about[key]:g}" for key, sign in signs.items() if key in about]
    return f" {', '.join(bounds)}" if bounds else ""


def _default(about: Schema, required: bool) -> str:
    if required:
        return "required"
    # Those of an object stand in its own section.
    told = about.get("default") is not None and "$ref" not in about
    return _code(about["default"]) if told else ""


def _code(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("|", r"\|")
    # Printable ASCII as a default says nothing in full.
    return "printable ASCII" if len(text) > 90 else f"`` {text} ``" if "`" in text else f"`{text}`"


def _in_words(name: str) -> str:
    """``EntryPointModel`` as ``Entry point``."""
    bare = re.sub("(Model|Entry|Domain)$", "", name) or name
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare).capitalize()


def _text(words: str) -> str:
    """Plain text with code in backticks, as one line of Markdown."""
    pieces = re.split(r"(`+[^`]+`+)", " ".join(words.split()))
    bare = (re.sub(r"([\\*_<\[|])", r"\\\1", piece) for piece in pieces[::2])
    code = (piece.replace("|", r"\|") for piece in pieces[1::2])
    return "".join(a + b for a, b in zip(bare, (*code, ""), strict=True))


def _check_kinds() -> Iterator[str]:
    title = ""
    for told in told_kinds():
        section = "Of plain values" if told.plain else "Of tensors"
        if section != title:
            title = section
            yield from (f"## {title}", "")
        yield from (f"### `{told.kind}`", "", _text(told.asks), "")
        for paragraph in told.about:
            yield from (_text(paragraph), "")
        if told.options:
            yield "{.keys}"
            yield from ("| option | type | default | meaning |", "|---|---|---|---|")
        for option in told.options:
            default = "required" if option.default is None else f"`{option.default}`"
            meaning = _text(option.about)
            yield f"| `{option.name}` | {_text(option.type)} | {default} | {meaning} |"
        yield ""
