"""Puts diagnosis, snippet and picture into the findings that failed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from harness.checks.context import Bench, Trial
from harness.diagnosis import CheckResult, EntryPointAnswers, smallest_wrong
from harness.diagnosis.picture import picture_of
from harness.diagnosis.shrink import MOST_LISTED, Ask, simpler, still_failing
from harness.diagnosis.snippet import FROM_SOLUTION, numbers, of_gradcheck, of_trial
from harness.model import Finding
from harness.numerics.question import Answer, Question
from harness.sandbox.session import CandidateFault

# Findings whose snippet is looked for with further questions.
MOST_SHRUNK = 4


# Per failed check, by its place, its smallest failing trial.
Smallest = Mapping[int, tuple[Trial, Answer]]


def find_smallest(bench: Bench, results: Sequence[CheckResult], ask: Ask | None = None) -> Smallest:
    """The smallest failing trials, with plainer numbers where it still fails.

    ``ask`` puts further questions to the candidate, if it still lives.
    """
    with _without_harm():
        return _shrunk(bench, results, ask)
    return {}


def explain(
    bench: Bench,
    results: Sequence[CheckResult],
    smallest: Smallest,
    imported: str = FROM_SOLUTION,
) -> list[Finding]:
    """The findings, the failed ones with all that can be said about them.

    ``smallest`` is what ``find_smallest`` found; ``imported`` is the import line of snippets.
    """
    if any(result.failed for result in results):
        with _without_harm():
            return _explained(bench, results, smallest, imported)
    return [result.finding for result in results]


@contextmanager
def _without_harm() -> Iterator[None]:
    """A verdict stands whether or not we can explain it."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"a failure could not be explained: {error!r}", stacklevel=4)


def _explained(
    bench: Bench, results: Sequence[CheckResult], smallest: Smallest, imported: str
) -> list[Finding]:
    answered: dict[str | None, EntryPointAnswers] = {}
    for name in {result.finding.entry_point for result in results if result.failed}:
        about = [result for result in results if result.finding.entry_point == name]
        answered[name] = EntryPointAnswers(bench, about)
    findings = []
    for place, result in enumerate(results):
        finding = result.finding
        if result.failed and result.trials:
            answers = answered[finding.entry_point]
            finding = replace(
                finding,
                diagnosis=answers.diagnosis(result),
                snippet=_snippet(result, smallest.get(place), imported),
                picture=picture_of(result, answers.exact),
            )
        findings.append(finding)
    return findings


def _shrunk(
    bench: Bench, results: Sequence[CheckResult], ask: Ask | None
) -> dict[int, tuple[Trial, Answer]]:
    smallest: dict[int, tuple[Trial, Answer]] = {}
    questions: list[Question] = []
    spans: dict[int, range] = {}
    for index, about in enumerate(results):
        if not about.failed or (wrong := smallest_wrong(about)) is None:
            continue
        smallest[index] = wrong
        # At an edge or a kink the numbers are the point.
        if len(spans) < MOST_SHRUNK and about.check != "edges":
            variants = simpler(bench, wrong[0])
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


def _snippet(about: CheckResult, wrong: tuple[Trial, Answer] | None, imported: str) -> str | None:
    if wrong is not None:
        trial, answer = wrong
        if numbers(trial.question) > MOST_LISTED:
            return None
        return of_trial(trial, answer, imported)
    if about.check in ("gradcheck", "gradgradcheck"):
        return of_gradcheck(about.trials[0].question, about.answers[0], about.check, imported)
    return None
