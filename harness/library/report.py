"""What comes out of ``harness.check``: the cause first, once, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.model import Fault, Finding, Outcome, Quantity

# Causes that are told; the first is mended first.
MOST_CAUSES = 2
# The quantities of other checks follow from these.
FIRST = (Fault.MUTATED_COTANGENT, Fault.MUTATED_INPUT)


class UncheckedWarning(UserWarning):
    """Something was handed over that is not checked."""


@dataclass(frozen=True)
class Raised:
    """An exception of the function under test."""

    # ``Type: message``.
    text: str
    type: str
    # Its author's own lines, as a traceback has them, innermost last.
    frames: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A check that was made."""

    finding: Finding
    # The way in which the function was asked, where that is not the usual one.
    manner: str = ""
    raised: Raised | None = None
    # The rule beside forward and backward that was asked: ``jvp`` or ``vmap``.
    rule: str = ""

    @property
    def about(self) -> str:
        """The check, in the way it was made."""
        return f"{self.finding.check}{f' of {self.manner}' if self.manner else ''}"


@dataclass
class Cause:
    """Failures that have one cause."""

    found: list[Found] = field(default_factory=list)

    @property
    def first(self) -> Found:
        """What is told of it: what was measured rather than what was raised because of it."""
        first = self.found[0].finding
        if first.diagnosis is None:
            return self.found[0]
        alike = [one for one in self.found if one.finding.diagnosis == first.diagnosis]
        return next((one for one in alike if one.raised is None), alike[0])

    def explains(self, other: Found) -> bool:
        """Whether ``other`` failed for the same reason, as far as can be seen."""
        return any(_same(one, other) for one in self.found)

    def lines(self) -> Iterator[str]:
        """The cause in one sentence, then what was measured and by which checks."""
        finding, raised = self.first.finding, self.first.raised
        manner = self.first.manner
        where = f" ({manner})" if manner else ""
        start = "\n✗ "
        if self.first.rule:
            start, where = f"\n✗ {manner[:1].upper()}{manner[1:]}, is wrong. ", ""
        if raised is not None and finding.diagnosis and finding.fault is Fault.WRONG_SHAPE:
            # It says what torch said, and more.
            yield f"{start}{finding.diagnosis}{where}"
            yield from (f"  {line}" for frame in raised.frames for line in frame.splitlines())
            yield f"  found by {finding.check}"
        elif raised is not None:
            yield f"{start}{raised.text}{where}"
            for frame in raised.frames:
                yield from (f"  {line}" for line in frame.splitlines())
            if finding.diagnosis:
                yield f"  {finding.diagnosis}"
        elif finding.diagnosis:
            yield f"{start}{finding.diagnosis}{where}"
            yield f"  {finding.check}: {finding.message}"
        else:
            yield f"{start}{finding.message}{where}"
            yield f"  found by {finding.check}"
        checks = list(dict.fromkeys(one.finding.check for one in self.found))
        checks = [check for check in checks if check != finding.check]
        manners = list(dict.fromkeys(one.manner for one in self.found if one.manner))
        if checks:
            yield f"  also found by {', '.join(checks)}"
        if manners and manners != [self.first.manner]:
            yield f"  also seen in {'; '.join(m for m in manners if m != self.first.manner)}"

    @property
    def snippet(self) -> str | None:
        found = (self.first, *self.found)
        return next((one.finding.snippet for one in found if one.finding.snippet), None)


@dataclass(frozen=True)
class Report:
    """What the checks found; falsy where one failed."""

    # Name of the function.
    name: str
    found: tuple[Found, ...]
    # What was asked otherwise than usual, or not at all, and why.
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every check's finding."""
        return tuple(one.finding for one in self.found)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(one.finding for one in self.found if one.finding.outcome is Outcome.FAILED)

    def __bool__(self) -> bool:
        return not self.failures

    def causes(self) -> list[Cause]:
        """The failures, those of one cause together, what the rest may follow from first."""
        causes: list[Cause] = []
        for one in self.found:
            if one.finding.outcome is not Outcome.FAILED:
                continue
            cause = next((c for c in causes if c.explains(one)), None)
            if cause is None:
                causes.append(cause := Cause())
            cause.found.append(one)
        return sorted(causes, key=lambda c: c.first.finding.fault not in FIRST)

    def __str__(self) -> str:
        if not self.failures:
            lines = [f"{self.name}: {len(self.findings)} checks passed"]
        else:
            lines = [f"{self.name}: {len(self.failures)} of {len(self.findings)} checks failed"]
        causes = self.causes()
        for cause in causes[:MOST_CAUSES]:
            lines += cause.lines()
        rest = [one.about for cause in causes[MOST_CAUSES:] for one in cause.found]
        if rest:
            lines.append(f"\nOther failures: {', '.join(dict.fromkeys(rest))}.")
        if self.notes:
            lines += ["", *(f"Note: {note}." for note in self.notes)]
        snippet = next((c.snippet for c in causes if c.snippet), None)
        if snippet is not None:
            lines += ["\nTo see it again:\n", snippet.rstrip()]
        return "\n".join(lines)


class CheckFailed(AssertionError):
    """A function failed a check; ``report`` holds every finding."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def _same(one: Found, other: Found) -> bool:
    ours, theirs = one.finding, other.finding
    if one.rule or other.rule:
        return one.rule == other.rule
    if ours.diagnosis is not None and ours.diagnosis == theirs.diagnosis:
        return True
    if (one.raised is None) != (other.raised is None):
        return False
    if one.raised is not None and other.raised is not None:
        if ours.fault is theirs.fault is Fault.WRONG_SHAPE:
            return True  # of arguments of several shapes
        return _place(one.raised) == _place(other.raised)
    if Fault.GRADCHECK in (ours.fault, theirs.fault):
        return True  # it objects to what the others have measured
    return _subject(ours.quantity) == _subject(theirs.quantity) is not None


def _place(raised: Raised) -> Sequence[str]:
    return (raised.type, *raised.frames[-1:]) if raised.frames else (raised.text,)


def _subject(quantity: Quantity | None) -> tuple[object, ...] | None:
    """A wrong gradient makes the derivative of it wrong, too."""
    if quantity is None:
        return None
    if quantity.is_derivative:
        return ("derivative",)
    return (quantity.kind, quantity.argument)
