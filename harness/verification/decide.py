"""What a submission did to check itself: one level, and the sentence that says why.

Evidence comes from four places: the code (what its gradcheck calls would check), the harness's
own run of the file as a script (what they did check, self-reported by the candidate's process),
a transcript (what was run, on which state of the code, and what came back), and the prose, which
can only ever claim and is held against the rest.

Long because the sources outweigh each other, and their order of precedence is one decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from harness.code import Source
from harness.model import (
    Event,
    EventKind,
    Level,
    OwnTests,
    Scenario,
    Spoil,
    Submission,
    Verification,
    VerificationWhy,
)
from harness.verification.claims import BATCHED, admits, claims, first_claim
from harness.verification.ran import first_line, judge_run, lacks_something
from harness.verification.recorded import TranscriptEvidence, gather, judge_evidence
from harness.verification.written import (
    Weakness,
    WrittenCheck,
    all_of,
    listed,
    needed_functions,
    needs_gradcheck,
    subjects,
    written_checks,
)
from harness.words import Sentence, in_context, says, sentences


def judge(
    submission: Submission, scenario: Scenario, source: Source | None, own_tests: OwnTests | None
) -> Verification:
    """The level of verification; ``own_tests`` is ``None`` where the file could not be run."""
    needed = needed_functions(scenario, source, own_tests)
    told = gather(submission, scenario, needed, own_tests)
    said = sentences(submission)
    written = written_checks(submission, scenario, source, needed, told.files if told else {})
    seen = judge_evidence(scenario, told, own_tests, written, needed) if told else None
    spoilings = own_tests.spoilings if own_tests else ()
    talk = submission.transcript is None or submission.transcript.is_talk
    judged = [
        judge_run(scenario, own, written, needed)
        # The blocks of a reply count together; what a transcript shows has its own rules.
        for own in (_of_code(own_tests), own_tests if talk else None)
        if own is not None and (own.gradchecks or own.spoilings)
    ]
    ran = max((v for v in judged if v), key=lambda v: list(Level).index(v.level), default=None)
    failing = _fails(ran)
    several = len(subjects(scenario, needed)) > 1
    batched = _batched(told, said, several)
    verified = ran
    if not failing and told is not None and told.tools:
        # What the agent could run and did not is not verified, however good it is.
        verified = seen if seen is not None and seen.level.reaches(Level.RAN) else None
    low = verified is None or not verified.level.reaches(Level.SHIPPED)
    if verified is None or (low and seen is not None and not failing):
        verified = _below(submission, scenario, source, own_tests, written, said, seen)
    assert verified is not None
    failing = failing or _fails(seen)
    if verified.why is VerificationWhy.CANNOT_RUN:
        # Tests that end before they are through notice nothing, whatever is spoiled.
        spoilings = ()
    return replace(
        _in_order(verified, told, batched, several),
        claims=claims(said, verified.level, told, failing),
        events=told.events if told else (),
        batched=batched,
        faults_tried=len(spoilings),
        faults_noticed=sum(one.noticed for one in spoilings),
    )


def _of_code(own_tests: OwnTests | None) -> OwnTests | None:
    """What the checks in the code itself did, without the files of tests beside it."""
    code = next((run for run in own_tests.files if not run.path), None) if own_tests else None
    if own_tests is None or code is None:
        return own_tests
    return replace(
        own_tests,
        passed=code.passed,
        error=code.error,
        gradchecks=code.gradchecks,
        spoilings=code.spoilings,
    )


def _fails(verified: Verification | None) -> bool:
    return verified is not None and verified.why is VerificationWhy.FAILS_WHEN_RUN


def _below(
    submission: Submission,
    scenario: Scenario,
    source: Source | None,
    own_tests: OwnTests | None,
    written: Sequence[WrittenCheck],
    said: Sequence[Sentence],
    seen: Verification | None,
) -> Verification:
    """The level of what no passing run shows; ``seen`` says why its transcript does not."""
    if seen is not None and _fails(seen):
        return seen
    needed = subjects(scenario, needed_functions(scenario, source, own_tests))
    noticing = _noticing(own_tests, needed)
    if noticing and seen is not None and seen.level is not Level.SHIPPED:
        why_not = seen.reason or "nothing shows that they were run"
        return Verification(
            Level.SHIPPED,
            f"carries tests that notice when it is spoiled ({noticing}), but {why_not}",
            seen.why or VerificationWhy.NOT_SEEN,
        )
    sound = [call for call in written if call.weakness is None]
    if sound and not (seen is not None and seen.why is VerificationWhy.NOTICES_NOTHING):
        found = _only_shipped(scenario, source, own_tests, sound)
        if seen is None or seen.why is None:
            return found
        if seen.level is Level.SHIPPED:
            return seen
        return replace(found, reason=f"{found.reason}; {seen.reason}")
    if seen is not None and seen.level is Level.SHIPPED:
        return seen
    if seen is not None and seen.why is not None:
        why = Weakness(seen.why, seen.reason)
    else:
        why = _unverified(scenario, source, own_tests, written)
    claim = first_claim(said)
    if claim is not None:
        return Verification(
            Level.CLAIMED, f"line {claim} says it was checked, but {why.words}", why.why
        )
    reason = why.words
    if seen is None or seen.why is None:
        reason += ", and it says itself that it was not run" if admits(said) else ""
    return Verification(Level.NONE, reason, why.why)


def _noticing(own_tests: OwnTests | None, needed: frozenset[str]) -> str:
    """Where tests stand that notice when it is spoiled; empty where none do."""
    for run in own_tests.files if own_tests else ():
        for one in run.spoilings:
            if run.passed and one.noticed and (not one.function or one.function in needed):
                return f"in {run.path}" if run.path else "in its code"
    return ""


def _batched(
    told: TranscriptEvidence | None, said: Sequence[Sentence], several: bool
) -> bool | None:
    """Whether Functions were written before earlier ones were verified, as seen or as said."""
    if told is not None and told.batched is not None:
        return told.batched
    if several and any(says(s, following, BATCHED) for s, following in in_context(said)):
        return True
    return None


def _in_order(
    verified: Verification, told: TranscriptEvidence | None, batched: bool | None, several: bool
) -> Verification:
    """The level with what is known of the order in which several Functions were written."""
    if verified.level is not Level.RAN_EACH or not several:
        return verified
    if not batched:
        order = "order not visible" if batched is None else "one after the other"
        return replace(verified, reason=f"{verified.reason} ({order})")
    who = _begun_early(told.events) if told else None
    why = (
        f"{who[1]} was written before {who[0]} was verified"
        if who
        else "it says itself that they were written before the first was tested"
    )
    return Verification(
        Level.RAN, f"{verified.reason}, but {why}", VerificationWhy.WRITTEN_TOGETHER
    )


def _begun_early(events: Sequence[Event]) -> tuple[str, str] | None:
    """The first Function that was still to be verified when another was written, and that one."""
    relevant = [event for event in events if event.what in (EventKind.WRITTEN, EventKind.VERIFIED)]
    for one, other in pairwise(relevant):
        if one.what is other.what is EventKind.WRITTEN:
            return one.function, other.function
    return None


# --------------------------------------------------------------------------
# Reasons


def _only_shipped(
    scenario: Scenario,
    source: Source | None,
    own_tests: OwnTests | None,
    sound: Sequence[WrittenCheck],
) -> Verification:
    carries = f"carries a gradcheck ({sound[0].place})"
    covered = [call.functions for call in sound]
    if source is not None and None not in covered and not scenario.gradcheck_fails_by_design:
        missing = all_of(needed_functions(scenario, source, own_tests)) - frozenset().union(
            *(functions or frozenset() for functions in covered)
        )
        if missing:
            carries += f", though none for {listed(missing)}"
    if sound[0].file:
        why = VerificationWhy.NOT_SEEN
        reason = f"{carries}, and nothing shows that it was run"
    elif own_tests is None:
        why = VerificationWhy.CANNOT_RUN
        reason = f"{carries}, but the file could not be run to see whether it passes"
    elif own_tests.passed:
        why = VerificationWhy.NOT_RUN
        reason = f"{carries} that does not run when the file is run as a script"
    elif lacks_something(own_tests.error):
        why = VerificationWhy.CANNOT_RUN
        stopped = first_line(own_tests.error) or "an error"
        reason = f"{carries} whose tests could not be run to their end here: {stopped}"
    else:
        why = VerificationWhy.TESTS_STOP
        stopped = first_line(own_tests.error) or "an error"
        reason = f"{carries}, but its own tests stop with an error: {stopped}"
    return Verification(Level.SHIPPED, reason, why)


def _unverified(
    scenario: Scenario,
    source: Source | None,
    own_tests: OwnTests | None,
    written: Sequence[WrittenCheck],
) -> Weakness:
    """Why nothing that is written counts."""
    if written:
        first = written[0]
        assert first.weakness is not None
        return Weakness(first.weakness.why, f"its gradcheck ({first.place}) {first.weakness.words}")
    if source is not None and any(c.name == "gradgradcheck" for c in source.gradchecks):
        words = "it carries a gradgradcheck but no gradcheck of the first derivative"
        return Weakness(VerificationWhy.SECOND_DERIVATIVE_ONLY, words)
    if own_tests is not None and own_tests.spoilings:
        crashes = any(one.noticed and one.kind is Spoil.SOURCE for one in own_tests.spoilings)
        # A change that makes it raise is noticed by whatever calls it.
        words = "its own tests pass, and notice nothing when it is spoiled"
        if crashes:
            words = "its own tests pass, and do not notice when the result is another one"
        return Weakness(VerificationWhy.NOTICES_NOTHING, words)
    if source is not None and (source.tests or source.main_lines):
        ends = "; they " + ("pass" if own_tests.passed else "fail") if own_tests else ""
        words = f"its own tests hold no gradcheck{ends}"
        if not needs_gradcheck(scenario):
            words = f"nothing shows what its own tests would notice{ends}"
        return Weakness(VerificationWhy.TESTS_WITHOUT_CHECK, words)
    nothing = "no gradcheck and no test" if needs_gradcheck(scenario) else "no test"
    return Weakness(VerificationWhy.NO_CHECK, f"it carries {nothing}")
