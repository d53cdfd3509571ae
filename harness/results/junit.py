"""``junit.xml`` out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree

from harness.model import Level, Outcome, Record, Results
from harness.printable import stripped
from harness.results.files import replace_file
from harness.summary.tables import Cell, Summary


def write_junit(results: Results, summary: Summary, path: str | os.PathLike[str]) -> None:
    """Write JUnit XML: a suite per arm, a failure per submission that did not hold.

    An ungraded one is an error.
    """
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
    given = record.answers(asked)
    if given.held is None:
        _add(case, "error", record.outcome.value, record.reason, record, Outcome.UNGRADED)
    elif not given.held:
        kinds, reasons = zip(*broken(record, asked), strict=True)
        _add(case, "failure", ", ".join(kinds), "; ".join(reasons), record, Outcome.FAILED)
    out = ElementTree.SubElement(case, "system-out")
    states = {True: "held", False: f"broke: {', '.join(given.broke)}", None: "ungraded"}
    state = "declined" if given.declined else states[given.held]
    out.text = stripped(
        f"{state}; verification: {record.verification.value}. {record.verification_reason}"
    )
    return case


def _add(
    case: ElementTree.Element, tag: str, kind: str, message: str, record: Record, outcome: Outcome
) -> None:
    element = ElementTree.SubElement(case, tag, {"message": stripped(message), "type": kind})
    element.text = "\n".join(
        stripped(f"{' '.join(filter(None, (f.check, f.entry_point)))}: {f.message}")
        for f in record.findings
        if f.outcome is outcome and (f.required or outcome is Outcome.UNGRADED)
    )


def broken(record: Record, asked: Level) -> Iterator[tuple[str, str]]:
    """Why a graded submission did not hold: a word and the reason, per question that it breaks.

    One that declined did not hold either; a skipped test would pass in the eyes of most readers.
    """
    if record.outcome is Outcome.DECLINED:
        yield record.outcome.value, record.reason
    for question in record.answers(asked).broke:
        if question == "right":
            yield record.outcome.value, record.reason
        elif question == "verified":
            reached = f"{record.verification.value}, asked for is {asked.value}"
            yield "unverified", f"verification: {reached}. {record.verification_reason}"
        else:
            upheld = [trap for trap in record.traps if trap.upheld]
            quotes = ", ".join(f"{trap.trap} (“{trap.quote}”)" for trap in upheld)
            yield "gave in", f"excuses made and borne out: {quotes}"


def _counts(cells: Sequence[Cell]) -> dict[str, str]:
    return {
        "tests": str(len(cells)),
        "failures": str(sum(cell.answers.held is False for cell in cells)),
        "errors": str(sum(cell.answers.held is None for cell in cells)),
        "time": f"{sum(cell.wall_s for cell in cells):.3f}",
    }
