"""``results.json`` in, with an error that names the key, what was found and what was expected.

However many submissions it holds, one is in memory at a time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import TypeAdapter, ValidationError

from harness.errors import ResultsError, did_you_mean
from harness.model import Record, Results, RunInfo, Submission
from harness.read.problem import dotted
from harness.results.format import EXPLAINING, SCHEMA_VERSION, SOURCE, SUBMISSION, Document
from harness.results.pieces import Constant, JsonFault, NotUtf8, Pieces
from harness.run.spool import Spool

_AGAIN: Final = (
    "Write the file again by running `harness run`; grades in the ledger are not worked out twice."
)


def read_results(path: str | os.PathLike[str]) -> Results:
    """The results in the file at ``path``; records and submissions lie on disk, see ``Spool``.

    Raises ``ResultsError`` that names the file, the key, what was found and what was expected,
    and ``SpoolError`` where there is no room for temporary files.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            file: BinaryIO = stack.enter_context(path.open("rb"))
            if not file.seekable():
                pipe, file = file, stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(pipe, file)
                file.seek(0)
            pieces = _parse(path, file)
        except OSError as error:
            raise ResultsError(
                f"{path}: cannot be read: {error.strerror or error}. "
                "Give the results.json that `harness run` wrote."
            ) from error
        _check_version(path, pieces.value)
        return _results(path, pieces)


def _parse(path: Path, file: BinaryIO) -> Pieces:
    try:
        return Pieces(file, ("submissions", "sources"))
    except NotUtf8 as error:
        raise ResultsError(f"{path}: expected UTF-8 text, found {error}. {_AGAIN}") from error
    except Constant as error:
        raise ResultsError(f"{path}: found {error}, which is not JSON. {_AGAIN}") from error
    except JsonFault as error:
        what = "ends too early" if error.at_end else "is not JSON"
        raise ResultsError(
            f"{path}, line {error.line}, column {error.column}: the file {what} ({error}). {_AGAIN}"
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


def _valid(path: Path, kind: Any, data: bytes, *where: str | int) -> Any:
    """``data``, which is at ``where`` in the file, as a ``kind``."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise ResultsError(f"{path}: {_explain(error, where)} {_AGAIN}") from error


def _explain(error: ValidationError, above: tuple[str | int, ...]) -> str:
    """The first thing that is wrong, as key, found, expected and nearest valid name."""
    first = error.errors(include_url=False)[0]
    where = dotted((*above, *first["loc"]))
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


def _results(path: Path, pieces: Pieces) -> Results:
    head: Any = _valid(path, Document, pieces.skeleton())
    scenarios = {scenario.id for scenario in head.scenarios}
    places = {id: place for place, id in enumerate(pieces.listed["sources"].ids)}
    unused = set(range(len(pieces.listed["sources"].ids)))

    def source_at(place: int) -> Any:
        unused.discard(place)
        return _valid(path, SOURCE, pieces.item("sources", place), "sources", place)

    if None in places:
        source_at(places[None])
    record_of, submission_of = TypeAdapter(Record), TypeAdapter(Submission)
    records: Spool[Record] = Spool()
    submissions: Spool[Submission] = Spool()
    seen: set[str] = set()
    for index in range(len(pieces.listed["submissions"].ids)):
        where = "submissions", index
        entry = _valid(path, SUBMISSION, pieces.item(*where), *where)
        _check_references(f"{path}: submissions[{index}]", entry, seen, scenarios)
        seen.add(entry.id)
        if entry.id not in places:
            raise ResultsError(
                f"{path}: sources: expected an entry for {entry.id!r}, found none. {_AGAIN}"
            )
        text = _joined(entry, source_at(places[entry.id]))
        records.append(record_of.validate_json(text, strict=True))
        submissions.append(submission_of.validate_json(text, strict=True))
    for place in sorted(unused):
        source_at(place)
    return Results(
        run=TypeAdapter(RunInfo).validate_python(head.run.model_dump()),
        records=records,
        arms=head.arms,
        skills=head.skills,
        scenarios=head.scenarios,
        submissions=submissions,
    )


def _check_references(where: str, entry: Any, seen: Set[str], scenarios: Set[str]) -> None:
    """Refuse an entry that points to something that the file does not hold."""
    if entry.id in seen:
        raise ResultsError(f"{where}.id: found {entry.id!r} a second time. {_AGAIN}")
    if entry.scenario not in scenarios:
        hint = did_you_mean(entry.scenario, sorted(scenarios))
        raise ResultsError(
            f"{where}.scenario: expected one that is listed under scenarios, found "
            f"{entry.scenario!r}.{hint} {_AGAIN}"
        )


def _joined(entry: Any, source: Any) -> str:
    """Both halves of a record as JSON."""
    data, beside = (each.model_dump(mode="json") for each in (entry, source))
    for more in beside["explanations"]:
        if more["finding"] < len(data["findings"]):
            data["findings"][more["finding"]] |= {name: more[name] for name in EXPLAINING}
    return json.dumps(data | beside)
