"""``results.json`` in, with an error that names the key, what was found and what was expected."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError

from harness.errors import ResultsError, did_you_mean
from harness.model import Record, Results, RunInfo, Submission
from harness.read.problem import dotted
from harness.results.format import EXPLAINING, SCHEMA_VERSION, Document

_AGAIN: Final = (
    "Write the file again by running `harness run`; grades in the ledger are not worked out twice."
)


def read_results(path: str | os.PathLike[str]) -> Results:
    """The results in the file at ``path``.

    Raises ``ResultsError`` that names the file, the key, what was found and what was expected.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResultsError(
            f"{path}: cannot be read: {error.strerror or error}. "
            "Give the results.json that `harness run` wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{path}: expected UTF-8 text, found byte {error.object[error.start]:#04x} at offset "
            f"{error.start}. {_AGAIN}"
        ) from error
    _check_version(path, _parse(path, text))
    try:
        document = Document.model_validate_json(text)
    except ValidationError as error:
        raise ResultsError(f"{path}: {_explain(error)} {_AGAIN}") from error
    _check_references(path, document)
    return _results(document)


def _parse(path: Path, text: str) -> object:
    def refuse(constant: str) -> NoReturn:
        raise ResultsError(f"{path}: found {constant}, which is not JSON. {_AGAIN}")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        what = "ends too early" if error.pos >= len(text.rstrip()) else "is not JSON"
        raise ResultsError(
            f"{path}, line {error.lineno}, column {error.colno}: the file {what} ({error.msg}). "
            f"{_AGAIN}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise ResultsError(f"{path}: the file is not a results file ({error}). {_AGAIN}") from error


def _check_version(path: Path, data: object) -> None:
    if not isinstance(data, dict):
        raise ResultsError(
            f"{path}: expected a JSON object, found {_named(data)}. "
            "Give the results.json that `harness run` wrote."
        )
    found = data.get("schema_version")
    if type(found) is not int:
        what = _named(found) if "schema_version" in data else "no such key"
        raise ResultsError(
            f"{path}: schema_version: expected {SCHEMA_VERSION}, found {what}. "
            "Give the results.json that `harness run` wrote."
        )
    if found != SCHEMA_VERSION:
        remedy = (
            "It was written by a newer harness: upgrade this one."
            if found > SCHEMA_VERSION
            else _AGAIN
        )
        raise ResultsError(
            f"{path}: schema_version: expected {SCHEMA_VERSION}, found {found}. {remedy}"
        )


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, as key, found, expected and nearest valid name."""
    first = error.errors(include_url=False)[0]
    where = dotted(first["loc"])
    if first["type"] in ("missing", "missing_argument"):
        return f"{where}: expected a value, found no such key."
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where}: found a key that this version does not know."
    expected = first["msg"].removeprefix("Input should be ")
    found = first["input"]
    hint = ""
    if first["type"] == "enum" and isinstance(found, str):
        names = re.findall(r"'([^']*)'", str(first.get("ctx", {}).get("expected", "")))
        hint = did_you_mean(found, names)
    return f"{where}: expected {expected}, found {_named(found)}.{hint}"


def _named(value: object) -> str:
    """A value from a file, short enough for an error message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_references(path: Path, document: Any) -> None:
    """Refuse entries that point to something that the file does not hold."""
    scenarios = {scenario.id for scenario in document.scenarios}
    sources = {source.id for source in document.sources}
    seen: set[str] = set()
    for index, entry in enumerate(document.submissions):
        where = f"{path}: submissions[{index}]"
        if entry.id in seen:
            raise ResultsError(f"{where}.id: found {entry.id!r} a second time. {_AGAIN}")
        seen.add(entry.id)
        if entry.scenario not in scenarios:
            hint = did_you_mean(entry.scenario, sorted(scenarios))
            raise ResultsError(
                f"{where}.scenario: expected one that is listed under scenarios, found "
                f"{entry.scenario!r}.{hint} {_AGAIN}"
            )
        if entry.id not in sources:
            raise ResultsError(
                f"{path}: sources: expected an entry for {entry.id!r}, found none. {_AGAIN}"
            )


def _results(document: Any) -> Results:
    sources = {source.id: source for source in document.sources}
    record_of, submission_of = TypeAdapter(Record), TypeAdapter(Submission)
    records, submissions = [], []
    for entry in document.submissions:
        data, beside = (each.model_dump(mode="json") for each in (entry, sources[entry.id]))
        for more in beside["explanations"]:
            if more["finding"] < len(data["findings"]):
                data["findings"][more["finding"]] |= {name: more[name] for name in EXPLAINING}
        text = json.dumps(data | beside)
        records.append(record_of.validate_json(text, strict=True))
        submissions.append(submission_of.validate_json(text, strict=True))
    return Results(
        run=TypeAdapter(RunInfo).validate_python(document.run.model_dump()),
        records=tuple(records),
        arms=document.arms,
        skills=document.skills,
        scenarios=document.scenarios,
        submissions=tuple(submissions),
    )
