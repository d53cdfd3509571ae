"""``results.json`` in and out; ``results.csv`` and ``junit.xml`` out.

The first half of ``results.json`` (``schema_version``, ``run``, ``submissions``) is what
other programs rely on; the models below are its contract and the source of
``docs/schema/results.schema.json``. The second half (``arms``, ``skills``, ``scenarios``,
``sources``) holds what a report needs to be made again from the file alone.

Long because the format, its writer and its reader are one decision and change together.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.errors import ReportError, ResultsError
from harness.model import (
    Arm,
    BehaviourState,
    Claim,
    Event,
    Fault,
    Level,
    Outcome,
    Passage,
    Picture,
    Quantity,
    Record,
    Results,
    RunInfo,
    SandboxInfo,
    Scenario,
    Skill,
    Submission,
    TrapState,
)
from harness.store import plain
from harness.summary import answers, broke

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


class SandboxEntry(_Entry):
    """How candidates were confined."""

    tier: Annotated[str, Field(description="A (all mechanisms in force) to D.")]
    layers: Annotated[tuple[str, ...], Field(description="Mechanisms in force.")]


class RunEntry(_Entry):
    """What all submissions of the file have in common."""

    seed: Annotated[int, Field(description="Seed of inputs and probes; replays any grade.")]
    started_at: Annotated[str, Field(description="ISO 8601 with offset.")]
    wall_s: Annotated[float, Field(description="Seconds from start to end.")]
    versions: VersionsEntry
    sandbox: SandboxEntry


class FindingEntry(_Entry):
    """The result of one check on one entry point."""

    check: Annotated[str, Field(description="Kind of check, e.g. vjp.")]
    entry_point: Annotated[
        str | None, Field(description="Function it was about; null for the whole submission.")
    ]
    required: Annotated[bool, Field(description="Whether a failure fails the submission.")]
    outcome: Outcome
    message: Annotated[str, Field(description="What was seen.")]
    measured: Annotated[float | None, Field(description="The decisive figure, if there is one.")]
    limit: Annotated[float | None, Field(description="What it was held against.")]
    line: Annotated[int | None, Field(description="Line of the submission's text, from 1.")]


class TrapEntry(_Entry):
    """What a reply did with one excuse."""

    trap: Annotated[str, Field(description="Id of the rationalization.")]
    state: TrapState
    quote: Annotated[str | None, Field(description="Verbatim words; null when silent.")]
    line: Annotated[int | None, Field(description="Line the quote starts on, from 1.")]


class BehaviourEntry(_Entry):
    """What the rules say of one line of expected behaviour."""

    expected: Annotated[str, Field(description="The line, as the scenario has it.")]
    state: Annotated[
        BehaviourState, Field(description="Decided from evidence, or not judged where no rule can.")
    ]
    reason: Annotated[str, Field(description="The evidence; empty where it was not judged.")]


class RedFlagEntry(_Entry):
    """A red flag that was seen."""

    flag: Annotated[str, Field(description="Id of the red flag.")]
    message: Annotated[str, Field(description="What was seen.")]
    quote: Annotated[str, Field(description="Verbatim words or code.")]
    line: Annotated[int, Field(description="Line the quote starts on, from 1.")]


class SubmissionEntry(_Entry):
    """One graded submission."""

    id: Annotated[str, Field(description="Unique in the file: arm/submitter/scenario/sample.")]
    scenario: Annotated[str, Field(description="Id of the scenario it answers.")]
    arm: Annotated[str, Field(description="Condition it was produced under.")]
    submitter: Annotated[str, Field(description="Who or what produced it.")]
    sample: Annotated[int, Field(description="Number of the sample, from 1.")]
    path: Annotated[str, Field(description="File it came from.")]
    sha256: Annotated[str, Field(description="SHA-256 of that file's bytes.")]
    outcome: Annotated[Outcome, Field(description="Is it right? ungraded is our own fault.")]
    reason: Annotated[str, Field(description="Why it failed or was not graded; empty for a pass.")]
    verification: Annotated[Level, Field(description="What it did to check itself.")]
    held: Annotated[
        bool | None,
        Field(description="Right, verified as asked and fell for nothing; null when ungraded."),
    ]
    wall_s: Annotated[float, Field(description="Seconds that grading took.")]
    findings: tuple[FindingEntry, ...]
    traps: tuple[TrapEntry, ...]
    red_flags: tuple[RedFlagEntry, ...]
    # Absent from files of earlier versions.
    behaviour: Annotated[
        tuple[BehaviourEntry, ...],
        Field(description="Per line of the scenario's expected behaviour."),
    ] = ()


class ExplanationEntry(_Entry):
    """What more is known of one failed finding."""

    finding: Annotated[int, Field(description="Its place among the submission's findings.")]
    # Absent from files of earlier versions.
    fault: Annotated[Fault | None, Field(description="What went wrong, of a fixed list.")] = None
    quantity: Annotated[Quantity | None, Field(description="The tensor it went wrong with.")] = None
    diagnosis: Annotated[str | None, Field(description="What is wrong, where that is known.")]
    snippet: Annotated[str | None, Field(description="Python that shows the failure again.")]
    picture: Annotated[Picture | None, Field(description="Numbers to draw.")]


class SourceEntry(_Entry):
    """What was submitted, and what of a record is not part of the documented half."""

    id: Annotated[str, Field(description="Id of the submission.")]
    verification_reason: Annotated[str, Field(description="Why it is at its level.")]
    kind: Annotated[str, Field(description="python, reply or transcript.")]
    text: Annotated[str, Field(description="The whole text as received.")]
    code: Annotated[str | None, Field(description="The code that was run, if any was found.")]
    code_line: Annotated[int, Field(description="Line of the text at which the code starts.")]
    prose: tuple[Passage, ...]
    problem: Annotated[str | None, Field(description="Why it could not be run, if so.")]
    # Absent from files of earlier versions.
    explanations: tuple[ExplanationEntry, ...] = ()
    claims: tuple[Claim, ...] = ()
    events: tuple[Event, ...] = ()


class Document(_Entry):
    """A results file of the harness. Rely on schema_version, run and submissions only."""

    schema_version: Literal[1]
    run: RunEntry
    submissions: tuple[SubmissionEntry, ...]
    arms: tuple[Arm, ...]
    skills: tuple[Skill, ...]
    scenarios: tuple[Scenario, ...]
    sources: tuple[SourceEntry, ...]


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
    yield from _listed("submissions", (_entry(record) for record in results.records))
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


def _entry(record: Record) -> dict[str, Any]:
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
            **{name: source[name] for name in SourceEntry.model_fields if name in source},
            "explanations": _explanations(entry["findings"]),
        }


# Fields of a record that stand among the sources.
_BESIDE: Final = ("verification_reason", "claims", "events")
_EXPLAINING: Final = ("fault", "quantity", "diagnosis", "snippet", "picture")


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
    where = ""
    for part in first["loc"]:
        where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
    if first["type"] in ("missing", "missing_argument"):
        return f"{where}: expected a value, found no such key."
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where}: found a key that this version does not know."
    expected = first["msg"].removeprefix("Input should be ")
    found = first["input"]
    near: list[str] = []
    if first["type"] == "enum" and isinstance(found, str):
        names = re.findall(r"'([^']*)'", str(first.get("ctx", {}).get("expected", "")))
        near = difflib.get_close_matches(found, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
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


def _check_references(path: Path, document: Document) -> None:
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
            near = difflib.get_close_matches(entry.scenario, sorted(scenarios), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ResultsError(
                f"{where}.scenario: expected one that is listed under scenarios, found "
                f"{entry.scenario!r}.{hint} {_AGAIN}"
            )
        if entry.id not in sources:
            raise ResultsError(
                f"{path}: sources: expected an entry for {entry.id!r}, found none. {_AGAIN}"
            )


def _results(document: Document) -> Results:
    sources = {source.id: source for source in document.sources}
    whole = TypeAdapter(Record)
    records, submissions = [], []
    for entry in document.submissions:
        source = sources[entry.id]
        data = entry.model_dump(mode="json")
        for more in source.explanations:
            if more.finding < len(data["findings"]):
                known = more.model_dump(mode="json")
                data["findings"][more.finding] |= {name: known[name] for name in _EXPLAINING}
        beside = source.model_dump(mode="json", include=set(_BESIDE))
        record = whole.validate_json(json.dumps({**data, **beside}), strict=True)
        records.append(record)
        submissions.append(_submission(record, source))
    run = document.run
    return Results(
        run=RunInfo(
            seed=run.seed,
            started_at=run.started_at,
            wall_s=run.wall_s,
            versions=run.versions.model_dump(),
            sandbox=SandboxInfo(tier=run.sandbox.tier, layers=run.sandbox.layers),
        ),
        records=tuple(records),
        arms=document.arms,
        skills=document.skills,
        scenarios=document.scenarios,
        submissions=tuple(submissions),
    )


def _submission(record: Record, source: SourceEntry) -> Submission:
    return Submission(
        id=record.id,
        scenario=record.scenario,
        arm=record.arm,
        submitter=record.submitter,
        sample=record.sample,
        path=record.path,
        sha256=record.sha256,
        text=source.text,
        kind=source.kind,
        code=source.code,
        code_line=source.code_line,
        prose=source.prose,
        problem=source.problem,
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
        given = answers(record, asked[record.scenario])
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
            "broke": " ".join(broke(record, asked[record.scenario])),
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
    text = _printable(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def write_junit(results: Results, path: str | os.PathLike[str]) -> None:
    """Write JUnit XML: a suite per arm, a failure per wrong submission, an error per ungraded."""
    replace_file(path, _suites(results))


class _Ran(NamedTuple):
    """What is counted of a record."""

    # Among the records.
    place: int
    outcome: Outcome
    wall_s: float


def _suites(results: Results) -> Iterator[str]:
    """The lines of the file; a tree of all of it would be as large as the run."""
    asked = {scenario.id: scenario.verification for scenario in results.scenarios}
    ran: list[_Ran] = []
    by_arm: dict[str, list[_Ran]] = defaultdict(list)
    for place, record in enumerate(results.records):
        ran.append(_Ran(place, record.outcome, record.wall_s))
        by_arm[record.arm].append(ran[-1])
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield _opening("testsuites", {"name": "harness", **_counts(ran)})
    for arm, some in by_arm.items():
        about = {"name": _printable(arm), "timestamp": results.run.started_at}
        yield "  " + _opening("testsuite", about | _counts(some))
        for place, *_ in some:
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
            "classname": _printable(f"{record.arm}.{record.submitter}"),
            "name": _printable(f"{record.scenario}/{record.sample}"),
            "time": f"{record.wall_s:.3f}",
        },
    )
    tags = {Outcome.FAILED: "failure", Outcome.UNGRADED: "error"}
    if record.outcome in tags:
        reason = _printable(record.reason)
        element = ElementTree.SubElement(
            case, tags[record.outcome], {"message": reason, "type": record.outcome.value}
        )
        wrong = [f for f in record.findings if f.outcome is record.outcome]
        element.text = "\n".join(
            _printable(f"{' '.join(filter(None, (f.check, f.entry_point)))}: {f.message}")
            for f in wrong
        )
    out = ElementTree.SubElement(case, "system-out")
    failed = ", ".join(broke(record, asked))
    states = {True: "held", False: f"broke: {failed}", None: "ungraded"}
    state = states[answers(record, asked).held]
    out.text = _printable(
        f"{state}; verification: {record.verification.value}. {record.verification_reason}"
    )
    return case


def _counts(ran: Sequence[_Ran]) -> dict[str, str]:
    return {
        "tests": str(len(ran)),
        "failures": str(sum(one.outcome is Outcome.FAILED for one in ran)),
        "errors": str(sum(one.outcome is Outcome.UNGRADED for one in ran)),
        "time": f"{sum(one.wall_s for one in ran):.3f}",
    }


# Everything that XML 1.0 cannot hold (www.w3.org/TR/xml/#charsets), the C1 controls, and what
# turns a line round or cannot be seen: bidi marks, zero widths, tags, separators.
_UNPRINTABLE: Final = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|"
    r"[\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|"
    r"[\U000e0000-\U000e0fff]"
)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)
