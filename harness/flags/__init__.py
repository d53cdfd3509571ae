"""Red flags: those of the skill, found by seventeen detectors of ours and by its author's own.

Each flag is looked for where it shows: in the code, in what was measured, in what was said, in the
order of what was done, or in how far the submission went to verify itself. A flag is raised once
per place, and only where the evidence can be quoted. Where nothing can be looked at, that is said.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.checks.library import LibraryCalled
from harness.checks.side_effects import NoMutation
from harness.checks.structure import HandWritten
from harness.code import Source
from harness.code.lines import line_index
from harness.flags.code import Sign, code_signs
from harness.flags.detector import line_of, look
from harness.flags.prose import MESSAGES, TRAPS, applies, prose_signs
from harness.flags.registry import check_detectors
from harness.flags.seen import FlagEvidence, Seen, Unlooked
from harness.model import (
    FLAGS,
    EventKind,
    Fault,
    Finding,
    Level,
    Outcome,
    RedFlagFinding,
    Scenario,
    Submission,
    TrapFinding,
    TrapState,
    UnlookedFlag,
    Verification,
)
from harness.words import sentences

__all__ = [
    "MEASURED",
    "FlagEvidence",
    "FlagsSeen",
    "Seen",
    "Unlooked",
    "check_detectors",
    "find_flags",
]

# Those that a failed check raises.
MEASURED = frozenset({"missing-function", "inplace", "gradient-count", "gradient-shape"})
# Those that only code can show, by itself or as measured.
IN_CODE = frozenset(
    {
        *("missing-function", "inplace", "gradient-count", "unsaved-tensors", "gradient-shape"),
        *("needs-input-grad", "data-attribute", "saved-in-forward", "saved-modified"),
        "needless-function",
    }
)
# A flag that is raised at more places than a person looks at is not shown at all of them.
_MAX_PLACES = 50


@dataclass(frozen=True)
class FlagsSeen:
    """The red flags of one submission."""

    # By their order in the skill and then by line.
    raised: tuple[RedFlagFinding, ...]
    # Those that nothing raised and that could not be looked for.
    unlooked: tuple[UnlookedFlag, ...]


def find_flags(
    submission: Submission,
    scenario: Scenario,
    source: Source | None,
    verification: Verification,
    traps: Sequence[TrapFinding],
    findings: Sequence[Finding],
) -> FlagsSeen:
    """The red flags of the scenario's skill that show in a submission."""
    evidence = FlagEvidence(submission, scenario, source, verification, findings)
    lines = _Lines(submission)
    listed = FLAGS if scenario.flags is None else tuple(scenario.flags)
    found = [one for one in _built_in(evidence, traps, lines) if one.flag in listed]
    unlooked: dict[str, UnlookedFlag] = {}
    code = evidence.readable
    if isinstance(code, Unlooked):
        unlooked |= {name: UnlookedFlag(name, code.why) for name in listed if name in IN_CODE}
    for name, detectors in (scenario.flags or {}).items():
        for detector in detectors:
            seen = look(detector, evidence)
            if isinstance(seen, Unlooked):
                unlooked.setdefault(name, UnlookedFlag(name, seen.why))
            else:
                found += [lines.of(name, place) for place in seen]
    unique = {(flag.flag, flag.line): flag for flag in reversed(found)}.values()
    raised = tuple(_places(sorted(unique, key=lambda f: (listed.index(f.flag), f.line))))
    shown = {flag.flag for flag in raised}
    return FlagsSeen(raised, tuple(unlooked[n] for n in listed if n in unlooked and n not in shown))


def _built_in(
    evidence: FlagEvidence, traps: Sequence[TrapFinding], lines: _Lines
) -> list[RedFlagFinding]:
    """What the detectors of ``FLAGS`` see."""
    scenario, source = evidence.scenario, evidence.source
    verification = evidence.verification
    readable = source is not None and source.error is None
    signs = list(_places(code_signs(source, scenario))) if source is not None and readable else []
    shown = {sign.flag for sign in signs}
    for sign in _measured_signs(scenario, source if readable else None, evidence.findings, lines):
        # What was measured adds nothing where a place is shown already.
        if sign.flag not in shown:
            shown.add(sign.flag)
            signs.append(sign)
    found = [lines.flag(sign) for sign in signs]
    found += _said(evidence.submission, scenario, source, verification, traps)
    if verification.batched and not any(flag.flag == "batched" for flag in found):
        written = [event.line for event in verification.events if event.what is EventKind.WRITTEN]
        found += [lines.flag(Sign("batched", MESSAGES["batched"], at)) for at in written[1:2]]
    if not verification.level.reaches(Level.SHIPPED):
        where = _first_line(source, lines)
        found.append(lines.flag(Sign("unverified", f"not verified: {verification.reason}", where)))
    return found


_Flagged = TypeVar("_Flagged", Sign, RedFlagFinding)


def _places(found: Iterable[_Flagged]) -> Iterator[_Flagged]:
    """The first places of each flag, as many as are shown."""
    seen = defaultdict[str, set[int]](set)
    for one in found:
        lines = seen[one.flag]
        if one.line not in lines and len(lines) < _MAX_PLACES:
            lines.add(one.line)
            yield one


class _Lines:
    """The submission's lines, for verbatim quotes."""

    def __init__(self, submission: Submission) -> None:
        self.text = submission.text
        self.index = line_index(submission.text)

    def flag(self, sign: Sign) -> RedFlagFinding:
        line = min(max(sign.line, 1), len(self.index))
        end = min(max(sign.end, line), len(self.index))
        quote = self.text[self.index.start(line) : self.index.start(end + 1)].strip()
        return RedFlagFinding(sign.flag, sign.message, quote, line)

    def of(self, name: str, seen: Seen) -> RedFlagFinding:
        """What a detector saw, as the red flag of that name."""
        line = seen.line or self.first_with_words()
        found = self.flag(Sign(name, seen.message, line, seen.end))
        return replace(found, quote=seen.quote) if seen.quote else found

    def first_with_words(self) -> int:
        words = re.search(r"\S", self.text)
        return self.index.line(words.start()) if words else 1


def _first_line(source: Source | None, lines: _Lines) -> int:
    if source is not None and source.functions:
        return source.functions[0].line
    return lines.first_with_words()


def _measured_signs(
    scenario: Scenario, source: Source | None, findings: Sequence[Finding], lines: _Lines
) -> Iterator[Sign]:
    """Flags that a check of behaviour has shown."""
    failed = [finding for finding in findings if finding.outcome is Outcome.FAILED]
    for finding in failed:
        place = finding.line or line_of(finding.entry_point, source)
        line = place or lines.first_with_words()
        without = source is not None and not (
            source.reached(finding.entry_point) if finding.entry_point else source.functions
        )
        gradient = finding.quantity is None or finding.quantity.is_gradient
        match finding.fault:
            case Fault.NOT_HAND_WRITTEN if finding.check == HandWritten.kind:
                yield Sign("missing-function", finding.message, line)
            case Fault.MUTATED_INPUT | Fault.MUTATED_COTANGENT if finding.check == NoMutation.kind:
                yield Sign("inplace", finding.message, line)
            case Fault.WRONG_COUNT:
                yield Sign("gradient-count", finding.message, line)
            case Fault.WRONG_SHAPE if gradient:
                yield Sign("gradient-shape", finding.message, line)
        if finding.check == LibraryCalled.kind and without:
            yield Sign("missing-function", finding.message, line)
    opaque = bool(scenario.provided) or scenario.asks_for_function
    if opaque and source is not None and source.defs and not source.functions:
        defined = [n for e in scenario.entry_points if (n := line_of(e.name, source))]
        if defined:
            yield Sign("missing-function", "defines no autograd Function", defined[0])


def _said(
    submission: Submission,
    scenario: Scenario,
    source: Source | None,
    verification: Verification,
    traps: Sequence[TrapFinding],
) -> Iterator[RedFlagFinding]:
    for saying in prose_signs(sentences(submission), scenario, source, verification):
        yield RedFlagFinding(saying.flag, MESSAGES[saying.flag], saying.quote, saying.line)
    fell = {t.trap: t for t in traps if t.state is TrapState.MADE}
    for flag, names in TRAPS.items():
        for name in names:
            trap = fell.get(name)
            if (
                trap is not None
                and trap.quote is not None
                and trap.line is not None
                and applies(flag, trap.quote, scenario, source, verification)
            ):
                yield RedFlagFinding(flag, MESSAGES[flag], trap.quote, trap.line)
