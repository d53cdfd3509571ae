"""What the author's own detectors see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.code import Source
from harness.flags.order import order_of
from harness.flags.pattern import places
from harness.flags.registry import build
from harness.flags.seen import FlagEvidence, Seen, Unlooked
from harness.model import (
    CheckOutcome,
    CodePattern,
    DeedOrder,
    Detector,
    Outcome,
    PluginDetector,
    SaidPattern,
)
from harness.words import in_context, quote_of, says, sentences


def look(detector: Detector, evidence: FlagEvidence) -> Sequence[Seen] | Unlooked:
    """The places that show it, or why it had nothing to look at."""
    match detector:
        case CodePattern():
            source = evidence.readable
            if isinstance(source, Unlooked):
                return source
            return list(places(detector, source))
        case SaidPattern():
            return list(_said(detector, evidence))
        case CheckOutcome():
            return _outcome(detector, evidence)
        case DeedOrder():
            return order_of(detector, evidence)
        case PluginDetector():
            return build(detector).look(evidence)


def _said(pattern: SaidPattern, evidence: FlagEvidence) -> Iterator[Seen]:
    for sentence, following in in_context(sentences(evidence.submission)):
        span = says(sentence, following, pattern.phrasings)
        if span is not None:
            quote, line = quote_of(sentence, span)
            yield Seen("says so", line, quote=quote)


def _outcome(wanted: CheckOutcome, evidence: FlagEvidence) -> Sequence[Seen] | Unlooked:
    asked = [
        finding
        for finding in evidence.findings
        if finding.check == wanted.check
        and (not wanted.entry_points or finding.entry_point in wanted.entry_points)
    ]
    if not asked:
        return Unlooked(f"no check `{wanted.check}` was made of it")
    decided = [finding for finding in asked if finding.outcome is not Outcome.UNGRADED]
    if not decided:
        return Unlooked(f"the check `{wanted.check}` came to no result")
    return [
        Seen(
            f"the check `{finding.check}` {finding.outcome.value}: {finding.message}",
            finding.line or line_of(finding.entry_point, evidence.source) or 0,
        )
        for finding in decided
        if finding.outcome.value == wanted.outcome
    ]


def line_of(entry_point: str | None, source: Source | None) -> int | None:
    """Where the Function behind an entry point starts, or the entry point itself."""
    if source is None or entry_point is None:
        return None
    reached = source.reached(entry_point)
    for function in source.functions:
        if function.name in reached:
            return function.line
    node = source.defs.get(entry_point)
    return None if node is None else source.line(node)
