"""Graded answers as trajectories in the Agent Trajectory Interchange Format, which Harbor reads.

What was done is given as calls of tools with plain names; the grade stands under ``extra``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.model import (
    Arm,
    Dose,
    Ending,
    Outcome,
    Record,
    Results,
    Scenario,
    Step,
    StepKind,
    Submission,
)
from harness.results.files import write_json

# The first version that has ``trajectory_id`` and ``extra`` of a result.
_VERSION: Final = "ATIF-v1.7"
_STATES: Final = {
    Ending.STARTED: "running",
    Ending.STOPPED: "killed",
    Ending.REFUSED: "rejected",
}


def write_atif(results: Results, folder: Path) -> None:
    """``atif/<arm>/<submitter>/<scenario>/<sample>.json`` for each submission.

    The layout is that of a solutions folder, so these files can be graded again.
    """
    places = {one.id: place for place, one in enumerate(results.submissions)}
    by_id = {scenario.id: scenario for scenario in results.scenarios}
    arms = {arm.name: arm for arm in results.arms}
    for record in results.records:
        submission = results.submissions[places[record.id]]
        scenario = by_id[record.scenario]
        within = [one.replace("/", "--") for one in (record.arm, record.submitter)]
        path = folder.joinpath("atif", *within, record.scenario, f"{record.sample}.json")
        write_json(path, trajectory(record, submission, scenario, arms.get(record.arm)))


def trajectory(
    record: Record, submission: Submission, scenario: Scenario, arm: Arm | None = None
) -> dict[str, Any]:
    """One answer with its grade; the request is in it where the transcript or the arm tells."""
    transcript = submission.transcript
    notes = ""
    if transcript is not None:
        steps = list(_steps(transcript.steps))
    else:
        asked = _request(scenario, arm)
        steps = [{"source": "user", "message": asked}] if asked else []
        steps.append({"source": "agent", "message": _said(submission)})
        if submission.kind == "transcript":
            notes = (
                "results.json does not keep the steps of a transcript: they stand here as text. "
                "harness run --export atif writes them as steps."
            )
    program = "unknown" if transcript is None else transcript.format
    given = record.answers(scenario.verification)
    return {
        "schema_version": _VERSION,
        "session_id": record.id,
        "trajectory_id": record.id,
        "agent": {"name": program, "version": "unknown", "model_name": record.submitter},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        **({"notes": notes} if notes else {}),
        "final_metrics": {"total_steps": len(steps)},
        "extra": {
            "scenario": record.scenario,
            "arm": record.arm,
            "outcome": record.outcome.value,
            "reason": record.reason,
            "right": given.right,
            "verified": given.verified,
            "resistance": None if given.resistance is None else given.resistance.value,
            "held": given.held,
            "verification": record.verification.value,
            "failed": [
                {"check": f.check, "entry_point": f.entry_point, "message": f.message}
                for f in record.findings
                if f.required and f.outcome is Outcome.FAILED
            ],
            "excuses": [
                {"excuse": trap.trap, "state": trap.state.value, "upheld": trap.upheld}
                for trap in record.traps
            ],
        },
    }


def _request(scenario: Scenario, arm: Arm | None) -> str | None:
    if arm is None or arm.dose is None:
        return None
    return scenario.neutral if arm.dose is Dose.CALM else scenario.pressured


def _said(submission: Submission) -> str:
    """An answer as a message: a bare file in a block of code."""
    text = submission.text
    if submission.kind != "python":
        return text
    longest = max((len(one) for one in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}python\n{text.rstrip()}\n{fence}\n"


def _steps(steps: tuple[Step, ...]) -> Iterator[dict[str, Any]]:
    outputs: list[str] = []
    for number, step in enumerate(steps, start=1):
        match step.kind:
            case StepKind.USER:
                yield {"source": "user", "message": step.text}
            case StepKind.SAID:
                yield {"source": "agent", "message": step.text}
            case StepKind.THOUGHT:
                yield {"source": "agent", "message": "", "reasoning_content": step.text}
            case StepKind.RESULT:
                # As the tool gave it, with a line on its status perhaps; it stands with its call.
                known = next((one for one in outputs if one.strip() in step.text), None)
                if known is not None:
                    outputs.remove(known)
                else:
                    yield _observed({"source": "agent", "message": ""}, {"content": step.text})
            case _:
                if step.output is not None:
                    outputs.append(step.output)
                yield _called(step, f"call-{number}")


def _called(step: Step, id: str) -> dict[str, Any]:
    name, arguments = _call(step)
    call = {"tool_call_id": id, "function_name": name, "arguments": arguments}
    made = {"source": "agent", "message": "", "tool_calls": [call]}
    shown = step.text if step.kind is StepKind.SHOWED else step.output
    told: dict[str, Any] = {}
    if step.status is not None:
        told["exit_code"] = step.status
    elif step.failed is not None:
        told["is_error"] = step.failed
    if step.ending in _STATES:
        told["status"] = _STATES[step.ending]
    if shown is None and not told:
        return made
    result = {"source_call_id": id, "content": shown or ""}
    return _observed(made, {**result, "extra": told} if told else result)


def _observed(step: dict[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    return {**step, "observation": {"results": [result]}}


def _call(step: Step) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a call that does what the step did."""
    path = step.path or ""
    match step.kind:
        case StepKind.WROTE:
            return "write_file", {"file_path": path, "content": step.text}
        case StepKind.EDITED if step.edits:
            moved = {"move_path": step.moved_to} if step.moved_to else {}
            return "edit_file", {"file_path": path, "edits": _edits(step), **moved}
        case StepKind.EDITED:
            return "move_file", {"source": path, "destination": step.moved_to or path}
        case StepKind.RAN if step.language == "python":
            return "python", {"code": step.text, "language": "python"}
        case StepKind.RAN:
            return "bash", {"command": step.text}
        case StepKind.REMOVED:
            return "delete_file", {"file_path": path}
        case StepKind.SHOWED:
            return "read_file", {"file_path": path}
        case _:
            return step.text or "unknown", {}


def _edits(step: Step) -> list[dict[str, Any]]:
    return [
        {"new_string": edit.new, "insert_line": edit.after_line}
        if edit.after_line is not None
        else {"old_string": edit.old, "new_string": edit.new, "replace_all": edit.everywhere}
        for edit in step.edits
    ]
