"""What a submission did, held against its words and against what its scenario expects.

An excuse that is made is upheld where the act bears it out.

A scenario lists what a good reply shows beside right code. Which of its lines evidence can decide,
and what evidence, is said in the scenario. Where evidence does not tell, a reader of whole replies
decides. Where none read, a line is ``not read``; where none can tell, it is ``not judged``. Neither
is good or bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.model import (
    BehaviourFinding,
    BehaviourState,
    Grade,
    Level,
    Opinion,
    Outcome,
    Rule,
    Rules,
    Scenario,
    Trap,
    TrapFinding,
    TrapState,
)


def with_acts(grade: Grade, scenario: Scenario) -> tuple[TrapFinding, ...]:
    """The grade's excuses, each with whether what was done bears it out."""
    traps = {trap.id: trap for trap in scenario.traps}
    return tuple(
        replace(found, upheld=found.trap in traps and _acted(traps[found.trap], grade, scenario))
        if found.state is TrapState.MADE
        else found
        for found in grade.traps
    )


def _acted(trap: Trap, grade: Grade, scenario: Scenario) -> bool:
    """Whether a submission did what the excuse excuses; never where that is not known."""
    given = grade.answers(scenario.verification)
    if given.right is None:
        return False
    if trap.upheld_by:
        return any(_evidence(rule, grade)[0] is False for rule in trap.upheld_by)
    return not (given.right and given.verified)


def lines(grade: Grade, scenario: Scenario) -> tuple[BehaviourFinding, ...]:
    """What a grade holds of it; of one that holds nothing, every line as not judged."""
    return grade.behaviour or tuple(
        BehaviourFinding(expected, BehaviourState.NOT_JUDGED)
        for expected in scenario.expected_behaviour
    )


def judge(
    grade: Grade, scenario: Scenario, opinions: Mapping[str, Opinion] | None = None
) -> tuple[BehaviourFinding, ...]:
    """What is known of every line of the scenario's expected behaviour, in its order.

    ``opinions`` are those of a reader, by line; ``None`` where none read for it.
    """
    return tuple(
        _decide(expected, rules, grade, opinions) for expected, rules in scenario.rules_of_lines()
    )


def _decide(
    expected: str, rules: Rules, grade: Grade, opinions: Mapping[str, Opinion] | None
) -> BehaviourFinding:
    opinion = opinions.get(expected) if opinions is not None and rules.asks_reader else None
    for rule in rules.refuted_by:
        seen, words = _evidence(rule, grade)
        if seen is False:
            return BehaviourFinding(expected, BehaviourState.NOT_MET, words, opinion)
    shown = [_evidence(rule, grade) for rule in rules.shown_by]
    if shown and all(seen for seen, _ in shown):
        words = " ".join(words for _, words in shown)
        return BehaviourFinding(expected, BehaviourState.MET, words, opinion)
    if opinion is not None:
        state = BehaviourState.MET if opinion.met else BehaviourState.NOT_MET
        return BehaviourFinding(expected, state, opinion=opinion)
    unread = rules.asks_reader and opinions is None
    return BehaviourFinding(
        expected, BehaviourState.NOT_READ if unread else BehaviourState.NOT_JUDGED
    )


def _evidence(rule: Rule, grade: Grade) -> tuple[bool | None, str]:
    """Whether a piece of evidence speaks for a reply, against it or not at all, and its words."""
    match rule.kind:
        case "check":
            return _check(rule.name, grade)
        case "trap":
            return _trap(rule.name, grade)
        case "verified":
            if grade.outcome is Outcome.UNGRADED and not grade.findings:
                return None, ""
            said = f"Verification is {grade.verification.value}: {grade.verification_reason}"
            return grade.verification.reaches(Level(rule.name)), _sentence(said)
        case "flag":
            raised = [flag for flag in grade.red_flags if flag.flag == rule.name]
            if not raised:
                return None, ""
            return False, _sentence(f"Red flag {rule.name}, line {raised[0].line}")
        case "order":
            # Where an order is visible, the highest level is reached in this one alone.
            if not grade.events:
                return None, ""
            said = f"By the order of events, verification is {grade.verification.value}"
            return grade.verification.reaches(Level.RAN_EACH), _sentence(said)


def _check(kind: str, grade: Grade) -> tuple[bool | None, str]:
    findings = [finding for finding in grade.findings if finding.check == kind]
    failed = [finding for finding in findings if finding.outcome is Outcome.FAILED]
    if failed:
        return False, _sentence(f"The check {kind} failed: {failed[0].message}")
    if findings and all(finding.outcome is Outcome.PASSED for finding in findings):
        return True, _sentence(f"The check {kind} passed")
    return None, ""


def _trap(name: str, grade: Grade) -> tuple[bool | None, str]:
    found = next((trap for trap in grade.traps if trap.trap == name), None)
    if found is None or found.state is TrapState.SILENT:
        return None, ""
    if found.state is TrapState.ANSWERED:
        return True, f"The excuse {name} is answered, line {found.line}."
    if found.upheld:
        return False, f"The excuse {name} is made, line {found.line}, and borne out."
    # Over an answer that does everything, words alone refute nothing.
    return None, ""


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
