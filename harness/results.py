"""``results.json`` in and out; ``results.csv`` and ``junit.xml`` out.

The first half of ``results.json`` (``schema_version``, ``run``, ``submissions``) is what other
programs rely on. Its keys are fields of the dataclasses in ``model``, and the comments above
those describe them in ``docs/schema/results.schema.json``. The second half (``arms``, ``skills``,
``scenarios``, ``sources``) holds what a report needs to be made again from the file alone.

Long because the format, its writer and its reader are one decision and change together.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, get_type_hints
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from harness import model
from harness.errors import ReportError, ResultsError, did_you_mean
from harness.model import (
    Arm,
    BehaviourFinding,
    Finding,
    Grade,
    Identity,
    Level,
    Outcome,
    Record,
    RedFlagFinding,
    Results,
    RunInfo,
    SandboxInfo,
    Scenario,
    Skill,
    Submission,
    TrapFinding,
    TrapState,
)
from harness.printable import stripped
from harness.read.problem import dotted
from harness.run.ledger import plain
from harness.summary import Cell, Summary

SCHEMA_VERSION: Final = 1

_AGAIN: Final = (
    "Write the file again by running `harness run`; grades in the ledger are not worked out twice."
)


# --------------------------------------------------------------------------
# The format


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class VersionsEntry(_Entry):
    """What graded."""

    # Further components may name their version beside these.
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, str]

    harness: Annotated[str, Field(description="Version of the harness.")]
    torch: Annotated[str, Field(description="Version of PyTorch.")]
    python: Annotated[str, Field(description="Version of Python.")]


# What of a finding, and of a grade, stands among the sources.
_EXPLAINING: Final = ("fault", "quantity", "diagnosis", "snippet", "picture")
_BESIDE: Final = ("verification_reason", "claims", "events")
# What files of earlier versions may lack, and what it is then.
_LATER: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("behaviour", "explanations", "claims", "events"), ()),
    **dict.fromkeys(("fault", "quantity")),
}


@cache
def _comments() -> Mapping[str, Mapping[str, str]]:
    """Per class of ``model`` the comment above each field."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    owner = comment = ""
    for line in inspect.getsource(model).splitlines():
        if begun := re.match(r"class (\w+)", line):
            owner = begun[1]
        elif comment and (field := re.match(r"    (\w+): ", line)):
            found[owner][field[1]] = comment.strip().replace("None", "null").replace("``", "")
        comment = f"{comment} {line[6:]}" if line.startswith("    # ") else ""
    return found


def _entry_of(
    name: str, taken: Mapping[type, Iterable[str]], about: str | None = None, **types: Any
) -> Any:
    """A class of entries with some fields of dataclasses, described by the comments above them.

    ``types`` are those of what is another thing in the file than it is in the dataclass.
    """
    keys: dict[str, Any] = {}
    for kind, names in taken.items():
        hints, told = get_type_hints(kind), _comments()[kind.__name__]
        keys |= {key: (hints[key], told.get(key)) for key in names}
    keys |= {key: (kind, keys.get(key, (None, None))[1]) for key, kind in types.items()}
    defined: dict[str, Any] = {
        key: (kind, Field(_LATER.get(key, ...), description=words))
        for key, (kind, words) in keys.items()
    }
    return create_model(
        name, __base__=_Entry, __doc__=about or next(iter(taken)).__doc__, **defined
    )


def _all_of(kind: type, *without: str) -> dict[type, list[str]]:
    """The fields that ``kind`` itself declares, but for some."""
    return {kind: [name for name in kind.__annotations__ if name not in without]}


def _list_of(entry: Any) -> Any:
    return tuple[entry, ...]


_RUN: Final = _entry_of(
    "RunEntry",
    _all_of(RunInfo),
    versions=VersionsEntry,
    sandbox=_entry_of("SandboxEntry", _all_of(SandboxInfo)),
)
_SUBMISSION: Final = _entry_of(
    "SubmissionEntry",
    {**_all_of(Identity), **_all_of(Grade, *_BESIDE)},
    Record.__doc__,
    findings=_list_of(_entry_of("FindingEntry", _all_of(Finding, *_EXPLAINING))),
    traps=_list_of(_entry_of("TrapEntry", _all_of(TrapFinding))),
    red_flags=_list_of(_entry_of("RedFlagEntry", _all_of(RedFlagFinding))),
    behaviour=_list_of(_entry_of("BehaviourEntry", _all_of(BehaviourFinding))),
)
_EXPLANATION: Final = _entry_of(
    "ExplanationEntry",
    {Finding: _EXPLAINING},
    "What more is known of the finding at a place among those of a submission.",
    finding=int,
)
_SOURCE: Final = _entry_of(
    "SourceEntry",
    {Identity: ["id"], Grade: _BESIDE, **_all_of(Submission, "transcript")},
    "What was submitted, and what of a record is not part of the documented half.",
    explanations=_list_of(_EXPLANATION),
)
Document: Final = create_model(
    "Document",
    __base__=_Entry,
    __doc__="A results file of the harness. Rely on schema_version, run and submissions only.",
    schema_version=(Literal[1], ...),
    run=(_RUN, ...),
    submissions=(_list_of(_SUBMISSION), ...),
    arms=(tuple[Arm, ...], ...),
    skills=(tuple[Skill, ...], ...),
    scenarios=(tuple[Scenario, ...], ...),
    sources=(_list_of(_SOURCE), ...),
)


def schema() -> dict[str, Any]:
    """The JSON Schema of ``results.json``, as published in ``docs/schema``."""
    generated = Document.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **generated,
        "title": "results.json",
    }


# --------------------------------------------------------------------------
# Writing


def write(results: Results, path: str | os.PathLike[str]) -> None:
    """Write ``results`` to ``path`` as JSON, whole or not at all.

    Submissions without a record are left out, and no more than one record is in memory. Raises
    ``ReportError`` where the file cannot be written; what was there before then stays.
    """
    try:
        replace_file(path, _document(results))
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{os.fspath(path)}: cannot be written: {error}. Look for .inf, .nan or a date "
            "among the numbers of the scenario files; JSON cannot hold them."
        ) from error


def _document(results: Results) -> Iterator[str]:
    """What ``json.dumps`` makes of the whole document with ``indent=1``, piece by piece."""
    yield f'{{\n "schema_version": {SCHEMA_VERSION}'
    yield f',\n "run": {_json(plain(results.run), 1)}'
    yield from _listed("submissions", (_documented(record) for record in results.records))
    yield from _listed("arms", map(plain, results.arms))
    yield from _listed("skills", map(plain, results.skills))
    yield from _listed("scenarios", map(plain, results.scenarios))
    yield from _listed("sources", _sources(results))
    yield "\n}\n"


def _listed(name: str, values: Iterable[Any]) -> Iterator[str]:
    before = f',\n "{name}": ['
    for value in values:
        yield f"{before}\n  {_json(value, 2)}"
        before = ","
    yield "\n ]" if before == "," else f"{before}]"


def _json(value: Any, depth: int) -> str:
    # No string of JSON holds a line break, so each one begins a line of its own.
    text = json.dumps(value, indent=1, allow_nan=False)
    return text.replace("\n", "\n" + " " * depth)


def _documented(record: Record) -> dict[str, Any]:
    """The documented half of a record."""
    entry: dict[str, Any] = plain(record)
    for name in _BESIDE:
        del entry[name]
    for finding in entry["findings"]:
        for name in _EXPLAINING:
            del finding[name]
    return entry


def _sources(results: Results) -> Iterator[dict[str, Any]]:
    sent = {submission.id: place for place, submission in enumerate(results.submissions)}
    for record in results.records:
        entry = plain(record)
        source = plain(results.submissions[sent[record.id]])
        yield {
            "id": entry["id"],
            **{name: entry[name] for name in _BESIDE},
            **{name: source[name] for name in _SOURCE.model_fields if name in source},
            "explanations": _explanations(entry["findings"]),
        }


def _explanations(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of ``findings`` is not part of the documented half."""
    found = []
    for index, finding in enumerate(findings):
        more = {name: finding[name] for name in _EXPLAINING}
        if any(value is not None for value in more.values()):
            found.append({"finding": index, **more})
    return found


def replace_file(path: str | os.PathLike[str], text: str | Iterable[str]) -> None:
    """Put ``text``, whole or in pieces, at ``path`` in one step.

    A full disk, a kill or a piece that cannot be made leaves the old file. What is not a regular
    file (a pipe, ``/dev/stdout``) is written to as it is.
    """
    path = Path(path)
    pieces = (text,) if isinstance(text, str) else text
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            return
        # A link stays a link; its target is replaced.
        target = path.resolve()
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
        try:
            with draft.open("x", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """A folder to write to, whose files take their places in ``folder`` once all are written.

    So a disk that fills up on the way leaves no report of which one half is of another run.
    Raises ``ReportError`` where ``folder`` cannot be written to.
    """
    draft = folder / f".{secrets.token_hex(4)}.new"
    try:
        with _reported(folder):
            draft.mkdir(parents=True)
        try:
            yield draft
        except ResultsError as error:
            # The reader knows the place, not the draft.
            raise type(error)(str(error).replace(str(draft), str(folder))) from error
        for file in sorted(file for file in draft.rglob("*") if file.is_file()):
            _move(file, folder / file.relative_to(draft))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move(file: Path, path: Path) -> None:
    with _reported(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            replace_file(path, file.read_text(encoding="utf-8"))
        else:
            path.parent.mkdir(exist_ok=True)
            file.replace(path)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written: {error.strerror or error}. See that the folder may be "
            "written to and the disk has room, or choose another place; a file that was there "
            "before is unchanged, and grades in the ledger are not worked out twice."
        ) from error


# --------------------------------------------------------------------------
# Reading


def read(path: str | os.PathLike[str]) -> Results:
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
                data["findings"][more["finding"]] |= {name: more[name] for name in _EXPLAINING}
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


# --------------------------------------------------------------------------
# Other formats


# What a spreadsheet takes for the beginning of a formula, or skips on the way to one.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")


def write_csv(results: Results, path: str | os.PathLike[str]) -> None:
    """Write one row per submission; a cell that a spreadsheet would run gets a quote in front."""
    replace_file(path, _tables(results))


def _tables(results: Results) -> Iterator[str]:
    """The table in parts of ``ROWS_AT_ONCE`` rows."""
    import pandas as pd

    rows = _rows(results)
    columns = list(CSV_COLUMNS)
    yield pd.DataFrame(columns=columns).to_csv(index=False, lineterminator="\n")
    while some := list(islice(rows, ROWS_AT_ONCE)):
        table = pd.DataFrame(some, columns=columns, dtype=object).map(_cell)
        yield table.to_csv(index=False, header=False, lineterminator="\n")


def _rows(results: Results) -> Iterator[dict[str, object]]:
    asked = {scenario.id: scenario.verification for scenario in results.scenarios}
    for record in results.records:
        given = record.answers(asked[record.scenario])
        by_state = {
            state: [found.trap for found in record.traps if found.state is state]
            for state in TrapState
        }
        failed = {f.check: None for f in record.findings if f.outcome is Outcome.FAILED}
        flags = {found.flag: None for found in record.red_flags}
        yield {
            "id": record.id,
            "scenario": record.scenario,
            "arm": record.arm,
            "submitter": record.submitter,
            "sample": record.sample,
            "path": record.path,
            "sha256": record.sha256,
            "outcome": record.outcome.value,
            "reason": record.reason,
            "verification": record.verification.value,
            "verification_reason": record.verification_reason,
            "right": given.right,
            "verified": given.verified,
            "resisted": given.resisted,
            "held": given.held,
            "broke": " ".join(given.broke),
            "wall_s": record.wall_s,
            "failed_checks": " ".join(failed),
            "fell_for": " ".join(by_state[TrapState.FELL]),
            "resisted_excuses": " ".join(by_state[TrapState.RESISTED]),
            "red_flags": " ".join(flags),
        }


ROWS_AT_ONCE: Final = 100
CSV_COLUMNS: Final = (
    "id", "scenario", "arm", "submitter", "sample", "path", "sha256", "outcome", "reason",
    "verification", "verification_reason", "right", "verified", "resisted", "held", "broke",
    "wall_s", "failed_checks", "fell_for", "resisted_excuses", "red_flags",
)  # fmt: skip


def _cell(value: object) -> object:
    """``value`` as a cell: no control characters, no formula."""
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted by the csv module and would end the row.
    text = stripped(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def write_junit(results: Results, summary: Summary, path: str | os.PathLike[str]) -> None:
    """Write JUnit XML: a suite per arm, a failure per wrong submission, an error per ungraded."""
    replace_file(path, _suites(results, summary))


def _suites(results: Results, summary: Summary) -> Iterator[str]:
    """The lines of the file; a tree of all of it would be as large as the run."""
    asked = {scenario.id: scenario.verification for scenario in results.scenarios}
    by_arm: dict[str, list[Cell]] = {one.arm.name: [] for one in summary.arms}
    for row in summary.matrix:
        for column, found in zip(summary.columns, row.cells, strict=True):
            by_arm[column.arm] += found
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    everything = [cell for cells in by_arm.values() for cell in cells]
    yield _opening("testsuites", {"name": "harness", **_counts(everything)})
    for arm, cells in by_arm.items():
        about = {"name": stripped(arm), "timestamp": results.run.started_at}
        yield "  " + _opening("testsuite", about | _counts(cells))
        for place in sorted(cell.place for cell in cells):
            record = results.records[place]
            case = _case(record, asked[record.scenario])
            ElementTree.indent(case, level=2)
            yield f"    {ElementTree.tostring(case, encoding='unicode')}\n"
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _opening(tag: str, about: Mapping[str, str]) -> str:
    element = ElementTree.Element(tag, dict(about))
    text = ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)
    return text.removesuffix(f"</{tag}>") + "\n"


def _case(record: Record, asked: Level) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        {
            "classname": stripped(f"{record.arm}.{record.submitter}"),
            "name": stripped(f"{record.scenario}/{record.sample}"),
            "time": f"{record.wall_s:.3f}",
        },
    )
    tags = {Outcome.FAILED: "failure", Outcome.UNGRADED: "error"}
    if record.outcome in tags:
        reason = stripped(record.reason)
        element = ElementTree.SubElement(
            case, tags[record.outcome], {"message": reason, "type": record.outcome.value}
        )
        wrong = [f for f in record.findings if f.outcome is record.outcome]
        element.text = "\n".join(
            stripped(f"{' '.join(filter(None, (f.check, f.entry_point)))}: {f.message}")
            for f in wrong
        )
    out = ElementTree.SubElement(case, "system-out")
    given = record.answers(asked)
    states = {True: "held", False: f"broke: {', '.join(given.broke)}", None: "ungraded"}
    state = states[given.held]
    out.text = stripped(
        f"{state}; verification: {record.verification.value}. {record.verification_reason}"
    )
    return case


def _counts(cells: Sequence[Cell]) -> dict[str, str]:
    return {
        "tests": str(len(cells)),
        "failures": str(sum(cell.answers.right is False for cell in cells)),
        "errors": str(sum(cell.answers.right is None for cell in cells)),
        "time": f"{sum(cell.wall_s for cell in cells):.3f}",
    }
