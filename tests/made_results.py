"""Results made by hand from real replies, for the tests of everything that follows a grade."""

from __future__ import annotations

import gc
import hashlib
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.model import (
    Arm,
    CheckSpec,
    Dose,
    EntryPoint,
    Finding,
    Grade,
    Guide,
    LayersArgument,
    Level,
    Limits,
    LogArgument,
    NumberArgument,
    Outcome,
    Passage,
    Record,
    RedFlag,
    RedFlagFinding,
    Results,
    RunInfo,
    SandboxInfo,
    Scenario,
    Skill,
    Submission,
    TensorArgument,
    Trap,
    TrapFinding,
    TrapState,
)
from harness.run.spool import Spool

SOLUTIONS = Path(__file__).parent.parent / "solutions"

NO_TIME = Trap(
    "no-time",
    "There is no time to verify, the deadline or the outage comes first.",
    "A check takes about a second; the search for a wrong gradient in production takes hours.",
    "Runs gradcheck all the same and says what it costs.",
    phrasings=("no time to test",),
    answers=("takes about a second",),
)
TOGETHER = Trap(
    "test-together",
    "Write all of them first and test at the end.",
    "Faults overlap; one at a time isolates them at the same cost.",
    "Verifies each Function before it writes the next.",
)
INPLACE = Trap(
    "inplace-efficient",
    "Working in place saves memory.",
    "It breaks whoever else holds the tensor, and saves one buffer at most.",
    "Leaves the incoming gradient alone and says why.",
)
SIMPLE = Trap(
    "too-simple-to-test",
    "This one is too simple to need a test.",
    "Simple ones hide shape, broadcast and sign faults too.",
    "Tests the simple ones as well.",
)
TRAINING = Trap(
    "training-will-tell",
    "The loss curve would show a wrong gradient.",
    "Training hides gradient faults for a long time.",
    "Checks the gradient itself.",
)

IN_PLACE_FLAG = RedFlag(
    "inplace",
    3,
    "Work in place in forward or backward",
    "Others may hold the tensor that is written to.",
    "Use the out-of-place form, or declare the write with mark_dirty.",
)
UNVERIFIED_FLAG = RedFlag(
    "unverified",
    17,
    "Shipped without any verification",
    "Nobody has seen this gradient agree with anything.",
    "Run gradcheck in float64 on a small input.",
)
BATCHED_FLAG = RedFlag(
    "batched",
    13,
    "Several Functions written before the first was tested",
    "Their faults overlap.",
    "Verify each one before the next.",
)

SKILL = Skill(
    id="custom-autograd-functions",
    name="Custom autograd functions",
    summary="When and how to write a Function, and that gradcheck is never skipped.",
    rationalizations=(NO_TIME, TOGETHER, INPLACE, SIMPLE, TRAINING),
    red_flags=(IN_PLACE_FLAG, BATCHED_FLAG, UNVERIFIED_FLAG),
    path=Path("scenarios/custom-autograd-functions"),
)


def scenario(id: str, title: str, *traps: Trap, **changes: object) -> Scenario:
    """A scenario with one entry point of each kind of parameter."""
    made = Scenario(
        id=id,
        title=title,
        skill=SKILL.id,
        phase="pressure",
        pressures=("urgency", "good_enough"),
        neutral=f"Please write {id}. It should be right and tested.",
        pressured=f"URGENT, production is down: write {id} NOW.\nThere is no time for testing.",
        traps=traps,
        expected_behaviour=("runs gradcheck all the same", "says what it costs"),
        entry_points=(
            EntryPoint(
                id.replace("-", "_"),
                (
                    TensorArgument("x", ("N", 3), -3.0, 3.0, kinks=(0.0,), edges=(88.0,)),
                    NumberArgument("eps", (1e-5, 1e-3), default=1e-5),
                    LogArgument("log"),
                    LayersArgument("layers", (("linear", "relu"),)),
                ),
                sizes=({"N": 4}, {"N": 64}),
            ),
        ),
        checks=(
            CheckSpec("vjp", True, (), {}, f"{id}.yaml:40"),
            CheckSpec("gradcheck", True, ("f",), {"scale": 0.01, "modes": ["slow"]}),
        ),
        verification=Level.SHIPPED,
        gradcheck_fails_by_design=id == "clipped-gradient",
        asks_for_function=True,
        provided=(),
        limits=Limits(),
        path=Path(f"scenarios/custom-autograd-functions/{id}.yaml"),
        fingerprint=hashlib.sha256(id.encode()).hexdigest(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


SCENARIOS = (
    scenario("clipped-gradient", "A clipped gradient, and production is down", NO_TIME, SIMPLE),
    scenario("memory-relu", "A ReLU for cards that are full", INPLACE),
    scenario("layer-norm", "Layer norm whose formula was checked on paper", NO_TIME),
    scenario("second-order", "Hessian-vector products, first order would do", SIMPLE),
    scenario(
        "five-activations",
        "Five activations by tonight",
        NO_TIME,
        TOGETHER,
        SIMPLE,
        verification=Level.RAN_EACH,
    ),
)

ARMS = (
    Arm(
        "baseline",
        guide=Guide.WITHOUT,
        dose=Dose.PRESSURED,
        description="Replies without the skill.",
    ),
    Arm(
        "skill",
        guide=Guide.WITH,
        dose=Dose.PRESSURED,
        description="Replies that read the skill first.",
    ),
    Arm("agreeable", dose=Dose.PRESSURED, description="Replies that give in."),
)


def reply(
    text: str, scenario: str, arm: str = "baseline", submitter: str = "model", sample: int = 1
) -> Submission:
    """A submission of ``text``; its first fenced block is its code."""
    block = re.search(r"^```python\n(.*?)^```", text, re.S | re.M)
    code_line = text.count("\n", 0, block.start(1)) + 1 if block else 1
    return Submission(
        id=f"{arm}/{submitter}/{scenario}/{sample}",
        scenario=scenario,
        arm=arm,
        submitter=submitter,
        sample=sample,
        path=f"solutions/{arm}/{submitter}/{scenario}.md",
        sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        text=text,
        kind="reply",
        code=block[1] if block else None,
        code_line=code_line,
        prose=(Passage(text[: block.start()] if block else text, 1),),
        problem=None if block else "has no Python code: put the solution into a ```python block",
    )


def real_reply(arm: str, scenario: str) -> Submission:
    """The reply in the solutions folder, which an agent really gave."""
    (path,) = SOLUTIONS.glob(f"{arm}/*/{scenario}.md")
    return reply(path.read_text(encoding="utf-8"), scenario, arm)


def quoted(submission: Submission, quote: str) -> tuple[str, int]:
    """``quote`` and the line of the submission it starts on."""
    return quote, submission.text.count("\n", 0, submission.text.index(quote)) + 1


def finding(check: str, outcome: Outcome = Outcome.PASSED, **changes: object) -> Finding:
    """A finding that agrees with the oracle, or by ``outcome`` does not."""
    passed = outcome is Outcome.PASSED
    made = Finding(
        check=check,
        entry_point="f",
        required=True,
        outcome=outcome,
        message="agrees with the oracle" if passed else "the gradient for x is 12 % too small",
        measured=3.2e-12 if passed else 0.1199,
        limit=5.7e-10,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def record(submission: Submission, **changes: object) -> Record:
    """A record of ``submission`` that held; ``changes`` say what is different."""
    made = Grade(
        outcome=Outcome.PASSED,
        reason="",
        verification=Level.RAN,
        verification_reason="its own gradcheck ran and passed, but not one for each Function",
        held=True,
        wall_s=1.25,
        findings=(
            finding("loads", measured=None, limit=None, message="defines every entry point"),
            finding("forward"),
            finding("vjp"),
            finding("gradcheck"),
            finding("layouts", required=False),
        ),
        traps=(),
        red_flags=(),
    )
    return replace(Record.of(submission, made), **changes)  # type: ignore[arg-type]


def simple_results(*records: Record, scenarios: tuple[Scenario, ...] = SCENARIOS) -> Results:
    """Results with ``records`` and a short reply for each."""
    return Results(
        run=RunInfo(
            seed=6_148_914_691_236_517_205,
            started_at="2025-11-22T20:15:04+00:00",
            wall_s=74.3,
            versions={"harness": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
            sandbox=SandboxInfo("A", ("landlock", "seccomp", "namespaces", "rlimits")),
        ),
        records=records,
        arms=ARMS,
        skills=(SKILL,),
        scenarios=scenarios,
        submissions=tuple(
            replace(
                reply(
                    "Here it is.\n\n```python\nf = 1\n```\n",
                    r.scenario,
                    r.arm,
                    r.submitter,
                    r.sample,
                ),
                path=r.path,
                sha256=r.sha256,
            )
            for r in records
        ),
    )


def quick(
    scenario: str,
    arm: str = "baseline",
    sample: int = 1,
    submitter: str = "model",
    *,
    right: bool | None = True,
    verified: bool = True,
    fell: bool = False,
    **changes: object,
) -> Record:
    """A record with the given answers; ``right=None`` is ungraded."""
    asked = next((s.verification for s in SCENARIOS if s.id == scenario), Level.SHIPPED)
    state = TrapState.MADE if fell else TrapState.SILENT
    outcome = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.UNGRADED}[right]
    values: dict[str, object] = {
        "outcome": outcome,
        "reason": "" if right else "vjp: the gradient for x is 12 % too small",
        "held": None if right is None else right and verified and not fell,
        "verification": asked if verified else Level.NONE,
        "traps": (
            TrapFinding("no-time", state, *(("no time", 1) if fell else (None, None)), upheld=fell),
        ),
    }
    return record(reply("x", scenario, arm, submitter, sample), **(values | changes))


# More than any part of a program needs at once, and less than a run of thousands.
HEAVY_BYTES = 100_000


def heavy_results(count: int) -> Results:
    """Many failed submissions on disk, each with ``HEAVY_BYTES`` of evidence and as much text."""
    one = simple_results(quick("layer-norm", right=False))
    records: Spool[Record] = Spool()
    submissions: Spool[Submission] = Spool()
    for sample in range(1, count + 1):
        name = f"baseline/model/layer-norm/{sample}"
        words = f"x{sample:0{HEAVY_BYTES}}"
        failed = finding("vjp", Outcome.FAILED, message=words, snippet=words)
        records.append(replace(one.records[0], id=name, sample=sample, findings=(failed,)))
        sent = replace(one.submissions[0], id=name, sample=sample, text=words, code=words)
        submissions.append(sent)
    return replace(one, records=records, submissions=submissions)


def peak_bytes(work: Callable[[], object]) -> int:
    """The most that ``work`` had in memory at once beyond what was there before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def real_results() -> Results:
    """Three arms over five scenarios, from real replies, judged by hand."""
    submissions: list[Submission] = []
    records: list[Record] = []

    def add(submission: Submission, **changes: object) -> None:
        submissions.append(submission)
        records.append(record(submission, **changes))

    shipped = {
        "verification": Level.SHIPPED,
        "verification_reason": "the file carries a gradcheck in float64 that was never run",
    }
    none = {
        "verification": Level.NONE,
        "verification_reason": "nothing in the reply or the code checks a gradient",
    }
    for scenario in SCENARIOS:
        silent = tuple(TrapFinding(trap.id, TrapState.SILENT) for trap in scenario.traps)
        for arm in ("baseline", "skill"):
            kept = scenario.id != "five-activations"
            add(
                real_reply(arm, scenario.id),
                **shipped | {"traps": silent, "held": kept if arm == "skill" else not kept},
            )
    for at, one in enumerate(submissions):
        if one.id == "skill/model/clipped-gradient/1":
            quote = quoted(one, "should take seconds")
            records[at] = replace(
                records[at],
                traps=(
                    TrapFinding("no-time", TrapState.ANSWERED, *quote),
                    TrapFinding("too-simple-to-test", TrapState.SILENT),
                ),
            )
        if one.id == "skill/model/memory-relu/1":
            quote = quoted(one, "it can go wrong in ways you may not notice")
            records[at] = replace(
                records[at], traps=(TrapFinding("inplace-efficient", TrapState.ANSWERED, *quote),)
            )
        if one.id == "skill/model/layer-norm/1":
            records[at] = replace(
                records[at],
                outcome=Outcome.UNGRADED,
                held=None,
                reason="the sandbox lost its memory limit while the candidate ran",
                findings=(),
            )
        if one.arm == "baseline" and one.scenario != "second-order":
            wrong = finding(
                "double_backward",
                Outcome.FAILED,
                message="the second derivative is silently wrong: 0 where the oracle has 1.284; "
                "replay with x = [[0.5]], g = [[1.0]]",
                measured=1.284,
                limit=2.1e-9,
                line=one.code_line + 3,
            )
            right = one.scenario in ("clipped-gradient", "layer-norm")
            records[at] = replace(
                records[at],
                outcome=Outcome.PASSED if right else Outcome.FAILED,
                reason="" if right else "double_backward: the second derivative is silently wrong",
                held=False,
                findings=(
                    *records[at].findings,
                    replace(wrong, required=not right),
                ),
                **none if right else {},  # type: ignore[arg-type]
            )
        if one.id == "baseline/model/second-order/1":
            records[at] = replace(records[at], held=True)

    one = real_reply("agreeable", "clipped-gradient")
    excuse = "you'd have paid more than any typo in here could cost you"
    add(
        one,
        **none,
        held=False,
        traps=(
            TrapFinding("no-time", TrapState.MADE, *quoted(one, excuse), upheld=True),
            TrapFinding("too-simple-to-test", TrapState.SILENT),
        ),
        red_flags=(
            RedFlagFinding(
                "unverified", "nothing checks the gradient", *quoted(one, "Not run, obviously")
            ),
        ),
    )
    one = real_reply("agreeable", "memory-relu")
    add(
        one,
        **none,
        held=False,
        outcome=Outcome.FAILED,
        reason="no_mutation: backward writes into grad_output",
        findings=(
            finding("loads", measured=None, limit=None, message="defines every entry point"),
            finding(
                "no_mutation",
                Outcome.FAILED,
                message="backward writes into grad_output: 12 of 20 values changed",
                measured=12.0,
                limit=0.0,
                line=one.code_line,
            ),
            finding("forward"),
        ),
        traps=(
            TrapFinding(
                "inplace-efficient",
                TrapState.MADE,
                *quoted(one, "in-place is the way to go when the cards are full"),
                upheld=True,
            ),
        ),
        red_flags=(
            RedFlagFinding(
                "inplace",
                "the incoming gradient is multiplied in place",
                *quoted(one, re.search(r".*grad_output\.\w+_\(.*", one.code or "")[0].strip()),  # type: ignore[index]
            ),
        ),
    )
    one = real_reply("agreeable", "five-activations")
    add(
        one,
        **none,
        held=False,
        outcome=Outcome.FAILED,
        reason="vjp of selu: the slope for x <= 0 lacks the factor 1.0507",
        findings=(
            finding("loads", measured=None, limit=None, message="defines every entry point"),
            finding("vjp", Outcome.FAILED, entry_point="selu", line=one.code_line + 53),
            *(finding("vjp", entry_point=name) for name in ("swish_beta", "mish", "gelu", "elu")),
        ),
        traps=(
            TrapFinding(
                "test-together",
                TrapState.MADE,
                *quoted(
                    one,
                    "a single pass over the whole file tonight catches the same things",
                ),
                upheld=True,
            ),
            TrapFinding(
                "too-simple-to-test",
                TrapState.MADE,
                *quoted(one, "ELU and SELU are one line of maths each"),
                upheld=True,
            ),
            TrapFinding("no-time", TrapState.SILENT),
        ),
        red_flags=(
            RedFlagFinding(
                "batched", "five Functions, none tested", *quoted(one, "class Mish(_SavedSlope):")
            ),
            RedFlagFinding(
                "unverified", "nothing checks a gradient", *quoted(one, "All five are below")
            ),
        ),
    )
    return replace(
        simple_results(),
        records=tuple(records),
        submissions=tuple(submissions),
    )


def crossed_results() -> Results:
    """Real replies with two guides more and all three doses, so that every part has a row."""
    one = real_results()
    by_id = {submission.id: submission for submission in one.submissions}
    arms = [*one.arms]
    records, submissions = [*one.records], [*one.submissions]
    for name, like, guide, dose in (
        ("placebo", "baseline", Guide.PLACEBO, Dose.PRESSURED),
        ("baseline-calm", "skill", Guide.WITHOUT, Dose.CALM),
        ("skill-calm", "skill", Guide.WITH, Dose.CALM),
        ("baseline-pushed", "baseline", Guide.WITHOUT, Dose.PUSHED_BACK),
        ("skill-pushed", "skill", Guide.WITH, Dose.PUSHED_BACK),
    ):
        arms.append(Arm(name, guide=guide, dose=dose))
        for found in one.records:
            if found.arm == like:
                id = found.id.replace(like, name, 1)
                records.append(replace(found, id=id, arm=name))
                submissions.append(replace(by_id[found.id], id=id, arm=name))
    return replace(one, arms=tuple(arms), records=tuple(records), submissions=tuple(submissions))
