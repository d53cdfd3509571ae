"""``results.json`` out, piece by piece."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from harness.errors import ResultsError
from harness.model import Finding, Record, Results
from harness.results.files import replace_file
from harness.results.format import BESIDE, EXPLAINING, FINDING, SCHEMA_VERSION, SOURCE, SUBMISSION
from harness.run.ledger import plain


def write_results(results: Results, path: str | os.PathLike[str]) -> None:
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
    return _taken(record, SUBMISSION) | {
        "findings": [_taken(finding, FINDING) for finding in record.findings]
    }


def _sources(results: Results) -> Iterator[dict[str, Any]]:
    sent = {submission.id: place for place, submission in enumerate(results.submissions)}
    for record in results.records:
        source = plain(results.submissions[sent[record.id]])
        yield {
            "id": source["id"],
            **{name: plain(getattr(record, name)) for name in BESIDE},
            **{name: source[name] for name in SOURCE.model_fields if name in source},
            "explanations": _explanations(record.findings),
        }


def _taken(value: object, entry: Any) -> dict[str, Any]:
    """Those fields of ``value`` that a class of entries has, but for findings."""
    return {
        name: None if name == "findings" else plain(getattr(value, name))
        for name in entry.model_fields
    }


def _explanations(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """What of ``findings`` is not part of the documented half."""
    found = []
    for index, finding in enumerate(findings):
        more = {name: plain(getattr(finding, name)) for name in EXPLAINING}
        if any(value is not None for value in more.values()):
            found.append({"finding": index, **more})
    return found
