"""What was found of a scenario, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.authoring.deep import ScenarioExamined
from harness.authoring.mutation import MutantState, MutationScore, TriedMutant
from harness.authoring.wording import (
    DiffSide,
    Leak,
    LeakKind,
    RequestDifference,
    WordingFault,
)
from harness.printable import visible
from harness.run.prove import AGENTS, OWN_TESTS
from harness.summary.numbers import counted

# Words of an unchanged run that are shown at each of its ends.
_CONTEXT: Final = 4


def told_proofs(found: ScenarioExamined) -> Iterator[str]:
    """Whether it can tell right from wrong, and which answers say that it cannot."""
    if found.problem is not None:
        yield f"✗ {found.scenario}: {found.problem}"
        return
    proofs = found.proofs
    if not proofs:
        return
    bad = [proof for proof in proofs if not proof.holds]
    if bad:
        yield f"✗ {found.scenario}"
    else:
        agents = sum(proof.answer in AGENTS for proof in proofs)
        of_reference = sum(proof.answer in ("reference", OWN_TESTS) for proof in proofs)
        right = sum(proof.right for proof in proofs) - of_reference
        others = f" and {counted(right, 'other right answer')}" if right else ""
        wrong = counted(len(proofs) - of_reference - right - agents, "wrong answer")
        yield (
            f"✓ {found.scenario}: the reference{others} {'pass' if right else 'passes'}, {wrong} "
            f"fail, {agents} agents land where they belong"
        )
    for proof in bad:
        verdict = "fails" if proof.right else "is accepted"
        if proof.answer in AGENTS:
            verdict = "does not land where it belongs"
        elif proof.answer == OWN_TESTS:
            verdict = "do not verify it as the scenario asks"
        yield f"    {proof.answer} {verdict}: {proof.reason or 'no check objects'}"
    for proof in proofs:
        if proof.holds and proof.answer == OWN_TESTS and proof.reason:
            yield f"    · {proof.answer}: {proof.reason}"


def told_advice(found: ScenarioExamined) -> Iterator[str]:
    """What else its author may want to mend, part by part."""
    if found.mutation is not None:
        yield from _mutation(found.mutation)
    if found.difference is not None:
        yield from _difference(found.difference)
    else:
        yield "· requests: there is no pressured one, so pressure is not measured"
    yield from _leaks(found)
    yield from _wordings(found)
    for line in found.undecided:
        yield (
            f"✗ expected behaviour: nothing decides “{line}”. Name evidence under shown_by or "
            "decided_by, or let a reader be asked: take by_words: false away"
        )
    for line in found.by_reader_alone:
        yield f"· expected behaviour: a language model alone decides “{line}”"
    if found.history is not None:
        history = found.history
        arms = counted(len(history.arms), "arm")
        runs = f"{history.held} of {counted(history.graded, 'graded answer')} held, in {arms}"
        if history.saturated:
            what = "too easy" if history.held else "too hard, or not solvable as it is asked"
            yield f"✗ recorded runs: {runs}: {what}; it tells no arm from another"
        else:
            yield f"✓ recorded runs: {runs}"


def _mutation(score: MutationScore) -> Iterator[str]:
    tried, noticed = len(score.tried), score.count(MutantState.NOTICED)
    survived = [one for one in score.tried if one.state is MutantState.SURVIVED]
    alike = [one for one in score.tried if one.state is MutantState.SAME]
    mark = "✗" if survived else "✓" if tried else "·"
    parts = [f"the checks notice {noticed} of {tried}"]
    parts += [f"{len(survived)} survive"] if survived else []
    parts += [f"{len(alike)} show no difference"] if alike else []
    parts += [f"tried of {score.of}"] if score.of > tried else []
    yield f"{mark} changes of the reference: {', '.join(parts)}"
    for one in survived:
        yield f"    survives: {_change(one)}: {one.shown or 'its numbers differ, within tolerance'}"
    for one in alike:
        calls = counted(one.calls, "call")
        yield f"    no difference in {calls}, probably none at all: {_change(one)}"


def _change(one: TriedMutant) -> str:
    return f"{one.entry}, line {one.line}: `{one.after}` for `{one.before}`"


def _difference(found: RequestDifference) -> Iterator[str]:
    missing = [fact for fact in found.facts if fact.side is DiffSide.NEUTRAL]
    added = [fact for fact in found.facts if fact.side is DiffSide.PRESSURED]
    mark = "✗" if missing else "·" if added else "✓"
    told = "they state the same numbers, names and code"
    if found.facts:
        parts = []
        if missing:
            names = ", ".join(f"{one.text} ({one.kind.value})" for one in missing)
            parts.append(f"the pressured one lacks {names}")
        if added:
            names = ", ".join(f"{one.text} ({one.kind.value})" for one in added)
            parts.append(f"only the pressured one has {names}: is that pressure alone?")
        told = "; ".join(parts)
    yield f"{mark} requests: {told}"
    yield f"    {diff_line(found)}"


def diff_line(found: RequestDifference) -> str:
    """The two requests as one, [-what only the neutral one has-] and {+the pressured one+}."""
    shown: list[str] = []
    for place, run in enumerate(found.runs):
        words = run.text.split()
        match run.side:
            case DiffSide.NEUTRAL:
                shown.append(f"[-{run.text}-]")
            case DiffSide.PRESSURED:
                shown.append(f"{{+{run.text}+}}")
            case _ if len(words) > 2 * _CONTEXT + 1:
                first = words[:_CONTEXT] if place else []
                last = words[-_CONTEXT:] if place < len(found.runs) - 1 else []
                shown.append(" ".join([*first, "…", *last]))
            case _:
                shown.append(run.text)
    return visible(" ".join(shown))


_LEAKS: Final = {
    LeakKind.GUIDE: "quotes the guide: “{}”",
    LeakKind.KEY: "quotes what only the grader knows: “{}”",
    LeakKind.METHOD: "names `{}`, which the guide teaches",
    LeakKind.VERIFYING: "speaks of verifying: “{}”",
}


def _leaks(found: ScenarioExamined) -> Iterator[str]:
    if not found.leaks:
        yield "✓ method: no request gives it away"
        return
    by_where: dict[str, list[Leak]] = {}
    for leak in found.leaks:
        by_where.setdefault(leak.where, []).append(leak)
    for where, some in by_where.items():
        told = "; ".join(_LEAKS[leak.kind].format(visible(leak.text)) for leak in some)
        mark = "✗" if any(leak.kind in (LeakKind.GUIDE, LeakKind.KEY) for leak in some) else "·"
        yield f"{mark} method: the {where} {'' if where[-1].isdigit() else 'request '}{told}"


_WORDINGS: Final = {
    WordingFault.FINDS_NOTHING: "“{0.wording}” does not find its own words, as “{0.sample}”",
    WordingFault.IN_REQUEST: "“{0.wording}” finds “{0.sample}” in the neutral request",
    WordingFault.IN_TRUTH: "“{0.sample}” is read as the excuse, which it refutes in the table",
    WordingFault.EXCUSE_MISSED: "none finds the excuse as the table has it, “{0.sample}”",
}


def _wordings(found: ScenarioExamined) -> Iterator[str]:
    missed = [one for one in found.wordings if one.fault is WordingFault.EXCUSE_MISSED]
    for one in found.wordings:
        if one not in missed:
            yield f"✗ wordings of {one.trap}: {_WORDINGS[one.fault].format(one)}"
    if len(missed) == 1:
        yield f"· wordings of {missed[0].trap}: {_WORDINGS[missed[0].fault].format(missed[0])}"
    elif missed:
        names = ", ".join(one.trap for one in missed)
        yield f"· wordings: none finds the excuse as the table has it for {names}"
    if not found.wordings:
        yield "✓ wordings: each finds what it was written for"
