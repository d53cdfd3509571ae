"""Every key of the YAML files, from the schema that they are checked against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import UsageError, did_you_mean
from harness.read.scenarios.schema import PUBLISHED, json_schema

Schema = Mapping[str, Any]
_FILES: Final = {"scenario.schema.json": "<id>.yaml", "skill.schema.json": "skill.yaml"}
_WORDS: Final = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "mapping",
}
# Characters of a default that a table has room for.
_SHORT: Final = 40


@dataclass(frozen=True)
class KeyTold:
    """One key of a YAML file."""

    # ``<id>.yaml`` or ``skill.yaml``.
    file: str
    # From the root: ``entry_points.NAME.arguments.NAME.tensor``; [] stands for an entry of a list.
    key: str
    # In words: ``list of text``.
    type: str
    needed: bool
    # As YAML has it; ``None`` where there is none to tell.
    default: str | None
    about: str


def told_keys(below: str = "") -> tuple[KeyTold, ...]:
    """Every key, or those at and below one, or of one file, as ``harness keys`` heads them.

    Raises ``UsageError`` that names the nearest.
    """
    every = tuple(
        # Kinds of argument have keys in common.
        dict.fromkeys(
            told
            for file, model in PUBLISHED.items()
            for told in _Walk(_FILES[file], json_schema(model)).every()
        )
    )
    if not below:
        return every
    found = tuple(
        told
        for told in every
        if below in (told.key, told.file) or told.key.startswith((f"{below}.", f"{below}[]"))
    )
    if not found:
        names = dict.fromkeys(told.key for told in every)
        # The last part of a key is what an author sees in a file.
        inside = [name for name in names if name.endswith(f".{below}")]
        meant = f" Did you mean {min(inside, key=len)!r}?" if inside else ""
        raise UsageError(
            f"there is no key {below!r}.{meant or did_you_mean(below, names)} `harness keys` lists "
            "all"
        )
    return found


@dataclass(frozen=True)
class _Walk:
    file: str
    root: Schema

    def every(self) -> Iterator[KeyTold]:
        yield from self._of(self.root, "", frozenset())

    def _of(self, schema: Schema, at: str, through: frozenset[str]) -> Iterator[KeyTold]:
        """The keys of an object; ``through`` are the definitions on the way, which may recur."""
        needed = schema.get("required", ())
        for name, given in schema.get("properties", {}).items():
            key = f"{at}.{name}" if at else name
            default = json.dumps(given["default"]) if "default" in given else None
            short = default if default is not None and len(default) <= _SHORT else None
            yield KeyTold(
                self.file, key, self._type(given), name in needed, short, self._about(given)
            )
            yield from self._below(given, key, through)

    def _below(self, given: Schema, key: str, through: frozenset[str]) -> Iterator[KeyTold]:
        offered = (given, *given.get("anyOf", ()), *given.get("oneOf", ()))
        refs = {str(one["$ref"]) for one in offered if "$ref" in one}
        for one in offered:
            if "$ref" in one and one["$ref"] not in through:
                # What is offered here is not told again below, where it may stand once more.
                yield from self._of(self._resolved(one), key, through | refs)
            if one is not given:
                yield from self._inside(one, key, through)
        yield from self._inside(given, key, through)

    def _inside(self, given: Schema, key: str, through: frozenset[str]) -> Iterator[KeyTold]:
        """The keys of the entries of a list, or of a mapping of any names."""
        items = given.get("items")
        if isinstance(items, dict):
            yield from self._below(items, f"{key}[]", through)
        more = [given.get("additionalProperties"), *given.get("patternProperties", {}).values()]
        for one in more:
            if isinstance(one, dict):
                yield from self._below(one, f"{key}.NAME", through)

    def _about(self, given: Schema) -> str:
        return str(given.get("description") or self._resolved(given).get("description") or "")

    def _resolved(self, given: Schema) -> Schema:
        name = str(given.get("$ref", "")).rpartition("/")[2]
        found: Schema = self.root.get("$defs", {}).get(name, given) if name else given
        return found

    def _type(self, given: Schema) -> str:
        given = self._resolved(given)
        some = (*given.get("anyOf", ()), *given.get("oneOf", ()))
        if some:
            return " or ".join(dict.fromkeys(map(self._type, some)))
        if "enum" in given:
            return " or ".join(map(_plainly, given["enum"]))
        if "const" in given:
            return _plainly(given["const"])
        if given.get("type") == "array":
            items = given.get("items")
            return f"list of {self._type(items)}" if isinstance(items, dict) and items else "list"
        return _WORDS.get(str(given.get("type")), "any value")


def _plainly(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
