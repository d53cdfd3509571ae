"""``harness/verdict``: is an answer right, verified and held? Graded as ``harness run`` grades."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState
from pydantic_core import to_jsonable_python

from harness import __version__
from harness.errors import UsageError, did_you_mean
from harness.model import (
    Finding,
    Outcome,
    Question,
    Record,
    Scenario,
    StepKind,
    Submission,
    TrapState,
)
from harness.read.submissions import Asked
from harness.read.submissions.content import Origin, build
from harness.read.transcripts.formats.inspect_log import recorded
from harness.report.terminal import in_short
from harness.run.grader import Grader

ASKED: Final[tuple[Question, ...]] = ("right", "verified", "held")
# Of a submission that is graded all the same, what Inspect calls it.
_REASONS: Final = {Outcome.DECLINED: "refusal", Outcome.UNGRADED: "scoring_failed"}


@dataclass(frozen=True)
class Grading:
    """How answers are graded."""

    scenarios: Path
    seed: int | None = None
    jobs: int | None = None
    tier: str | None = None
    allow_unsandboxed: bool = False
    # The scenario of all samples; ``None`` where each names its own.
    scenario: str | None = None
    # Name that a sample gives -> scenario that it means.
    names: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of ``verdict`` that say so."""
        return {
            **{name: value for name, value in vars(self).items() if value not in (None, False, {})},
            "scenarios": str(self.scenarios),
        }

    def scenario_of(self, sample: str | int, metadata: Mapping[str, Any] | None) -> str:
        """The scenario that a sample answers, or what it says that it answers."""
        name = self.name_of(sample, metadata)
        return self.scenario or self.names.get(name, name)

    @staticmethod
    def name_of(sample: str | int, metadata: Mapping[str, Any] | None) -> str:
        """What a sample says that it answers, by its metadata or its id."""
        named = (metadata or {}).get("scenario")
        return named if isinstance(named, str) else str(sample)


# One grader serves all tasks of a process that grade alike, until the last of them is gone.
_OPEN: weakref.WeakValueDictionary[Grading, Grader] = weakref.WeakValueDictionary()
_OPENING: Final = threading.Lock()


def grader_for(how: Grading) -> Grader:
    """The grader of this process, opened where there is none. Raises as ``Grader`` does."""
    with _OPENING:
        found = _OPEN.get(how)
        if found is None:
            found = Grader(
                how.scenarios,
                jobs=how.jobs,
                seed=how.seed,
                tier=how.tier,
                allow_unsandboxed=how.allow_unsandboxed,
            )
            _OPEN[how] = found
        return found


@scorer(metrics={question: [accuracy(), stderr()] for question in ASKED})
def verdict(
    scenarios: str = "scenarios",
    scenario: str | None = None,
    names: dict[str, str] | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    tier: str | None = None,
    allow_unsandboxed: bool = False,
) -> Scorer:
    """Whether an answer is right, verified as asked, and held: 1 or 0 each.

    A sample names its scenario by ``scenario`` in its metadata or by its id; ``names`` says which
    scenario such a name means, ``scenario`` is that of all samples. An answer that declines is not
    right, with the reason ``refusal``. What could not be graded is unscored and counts nowhere.
    ``seed``, ``jobs``, ``tier`` and ``allow_unsandboxed`` are those of ``harness.Grader``.
    """
    how = Grading(
        Path(scenarios).resolve(), seed, jobs, tier, allow_unsandboxed, scenario, names or {}
    )
    # Kept for as long as this scorer is.
    opened: list[Grader] = []

    async def score(state: TaskState, target: Target) -> Score:
        grader = await asyncio.to_thread(grader_for, how)
        opened[:] = [grader]
        name = how.scenario_of(state.sample_id, state.metadata)
        if name not in grader.scenarios:
            raise UsageError(unknown(name, str(state.sample_id), grader.scenarios))
        asked = grader.scenarios[name]
        submission = submission_of(state, asked)
        record = await asyncio.wrap_future(grader.submit(submission))
        return score_of(record, submission, asked, grader)

    return score


def unknown(name: str, sample: str, known: Mapping[str, Scenario]) -> str:
    """What is said of a sample that answers no scenario."""
    return (
        f"sample {sample!r}: answers scenario {name!r}, expected one of {', '.join(known)}."
        f"{did_you_mean(name, known)} Name it by the sample's id or by `scenario` in its metadata, "
        "or give the scenario of all samples: `--scenario ID` of `harness score`, "
        "`-S scenario=ID` of `inspect score`"
    )


def submission_of(state: TaskState, scenario: Scenario) -> Submission:
    """What a sample's conversation submits: its one answer, or all that was said and done."""
    messages = [one.model_dump(mode="json", exclude={"id"}) for one in state.messages]
    sample = {
        "id": state.sample_id,
        "epoch": state.epoch,
        "messages": messages,
        "metadata": state.metadata,
        "output": state.output.model_dump(mode="json"),
    }
    found = recorded(sample, {"model": str(state.model)})
    said = [step for step in found.transcript.steps if step.kind is StepKind.SAID]
    talk = found.transcript.is_talk and len(said) <= 1
    raw = "".join(step.text for step in said) if talk else json.dumps(messages)
    # No file can be there, so none beside it is read.
    nowhere = Path(os.devnull) / scenario.id
    origin = Origin(
        found.arm or "inspect", found.model or "unknown", scenario.id, state.epoch, nowhere
    )
    kind = "reply" if talk else "transcript"
    return build(origin, raw.encode(errors="replace"), Asked.of(scenario), kind, found)


def score_of(record: Record, submission: Submission, scenario: Scenario, grader: Grader) -> Score:
    """A record as Inspect keeps it: three answers, a short text, and all the evidence."""
    asked = scenario.verification
    about: dict[str, Any] = {
        "outcome": record.outcome.value,
        "reason": record.reason,
        "level": record.verification.value,
        "level_asked": asked.value,
        "level_reason": record.verification_reason,
        "resistance": record.resistance.value,
        "excuses": [_told(one) for one in record.traps if one.state is not TrapState.SILENT],
        "findings": [_told(one) for one in sorted(record.findings, key=_worst_first)],
        "red_flags": [_told(one) for one in record.red_flags],
        "claims": [_told(one) for one in record.claims],
        "behaviour": [_told(one) for one in record.behaviour],
        "faults_tried": record.faults_tried,
        "faults_noticed": record.faults_noticed,
        "scenario": record.scenario,
        "scenario_fingerprint": scenario.fingerprint,
        "sha256": record.sha256,
        "seed": grader.seed,
        "sandbox": grader.tier.name,
        "harness": __version__,
        "wall_s": round(record.wall_s, 3),
    }
    given: dict[str, Any] = {
        "answer": submission.code,
        "explanation": in_short(record, submission, scenario),
        "metadata": about,
        "reason": "no_response" if not submission.text.strip() else _REASONS.get(record.outcome),
    }
    if record.outcome is Outcome.UNGRADED:
        return Score.unscored(**given)
    answers = record.answers(asked)
    return Score(value={name: int(bool(getattr(answers, name))) for name in ASKED}, **given)


def _told(found: Any) -> dict[str, Any]:
    """What a finding says; the numbers of a drawing are nothing to read in a log."""
    told = {k: v for k, v in asdict(found).items() if k != "picture" and v not in (None, "", ())}
    return dict(to_jsonable_python(told))


def _worst_first(finding: Finding) -> tuple[bool, bool]:
    return finding.outcome is Outcome.PASSED, not finding.required
