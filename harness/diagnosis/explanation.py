"""Puts diagnosis, snippet and picture into the findings that failed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness.checks.context import Bench, Trial
from harness.diagnosis import Asked, Evidence, smallest_wrong
from harness.diagnosis.portrait import portrait
from harness.diagnosis.shrink import MOST_NUMBERS, Ask, numbers, simpler, still_failing
from harness.diagnosis.snippet import FROM_SOLUTION, of_gradcheck, of_trial
from harness.model import Finding, Outcome
from harness.numerics.question import Answer, Question
from harness.sandbox.session import CandidateFault

# Findings whose snippet is looked for with further questions.
MOST_SHRUNK = 4


@dataclass(frozen=True)
class Heard:
    """One check's finding with the trials and answers it rests on."""

    finding: Finding
    trials: tuple[Trial, ...]
    answers: Sequence[Answer]

    @property
    def asked(self) -> Asked:
        failed = self.finding.outcome is Outcome.FAILED
        return Asked(self.finding.check, self.trials, self.answers, failed)


# Per failed check, by its place, its smallest failing trial.
Smallest = Mapping[int, tuple[Trial, Answer]]


def find_smallest(bench: Bench, heard: Sequence[Heard], ask: Ask | None = None) -> Smallest:
    """The smallest failing trials, with plainer numbers where it still fails.

    ``ask`` puts further questions to the candidate, if it still lives.
    """
    with _without_harm():
        return _shrunk(bench, [one.asked for one in heard], ask)
    return {}


def explain(
    bench: Bench, heard: Sequence[Heard], smallest: Smallest, imported: str = FROM_SOLUTION
) -> list[Finding]:
    """The findings, the failed ones with all that can be said about them.

    ``smallest`` is what ``find_smallest`` found; ``imported`` is the import line of snippets.
    """
    found = [one.finding for one in heard]
    if any(finding.outcome is Outcome.FAILED for finding in found):
        with _without_harm():
            return _explained(bench, heard, smallest, imported)
    return found


@contextmanager
def _without_harm() -> Iterator[None]:
    """A verdict stands whether or not we can explain it."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"a failure could not be explained: {error!r}", stacklevel=4)


def _explained(
    bench: Bench, heard: Sequence[Heard], smallest: Smallest, imported: str
) -> list[Finding]:
    asked, found = [one.asked for one in heard], [one.finding for one in heard]
    evidence: dict[str | None, Evidence] = {}
    for name in dict.fromkeys(finding.entry_point for finding in found):
        about = [a for a, f in zip(asked, found, strict=True) if f.entry_point == name]
        if any(a.failed for a in about):
            evidence[name] = Evidence(bench, about)
    findings = []
    for index, (finding, about_one) in enumerate(zip(found, asked, strict=True)):
        if about_one.failed and about_one.trials:
            known = evidence[finding.entry_point]
            finding = replace(
                finding,
                diagnosis=known.diagnosis(about_one),
                snippet=_snippet(about_one, smallest.get(index), imported),
                picture=portrait(about_one, known),
            )
        findings.append(finding)
    return findings


def _shrunk(
    bench: Bench, asked: Sequence[Asked], ask: Ask | None
) -> dict[int, tuple[Trial, Answer]]:
    smallest: dict[int, tuple[Trial, Answer]] = {}
    questions: list[Question] = []
    spans: dict[int, range] = {}
    for index, about in enumerate(asked):
        if not about.failed or (wrong := smallest_wrong(about)) is None:
            continue
        smallest[index] = wrong
        # At an edge or a kink the numbers are the point.
        if len(spans) < MOST_SHRUNK and about.check != "edges":
            variants = simpler(wrong[0])
            spans[index] = range(len(questions), len(questions) + len(variants))
            questions += variants
    if ask is None or not questions:
        return smallest
    try:
        answers = ask(questions)
    except CandidateFault:
        return smallest  # it is gone; what it said before stands
    for index, span in spans.items():
        pairs = [(questions[i], answers[i]) for i in span]
        found = still_failing(bench, smallest[index][0], pairs)
        if found is not None:
            smallest[index] = found
    return smallest


def _snippet(about: Asked, wrong: tuple[Trial, Answer] | None, imported: str) -> str | None:
    if wrong is not None:
        trial, answer = wrong
        if numbers(trial.question) > MOST_NUMBERS * 40:
            return None
        return of_trial(trial, answer, imported)
    if about.check in ("gradcheck", "gradgradcheck"):
        return of_gradcheck(about.trials[0].question, about.check, imported)
    return None
