"""An assertion for promptfoo, whose answer is its ``GradingResult``.

promptfoo calls a function of a file, so this goes into ``grade.py`` beside its configuration:

    from harness.promptfoo import get_assert

and this under ``assert`` of a test:

    - type: python
      value: file://grade.py
      config: {scenarios: scenarios/, scenario: layer-norm}

promptfoo starts a Python for every assertion, so each pays for the start of a sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import GraderError, UsageError, did_you_mean
from harness.model import QUESTIONS, Outcome, Record, Scenario, TrapState
from harness.results.junit import broken
from harness.run.grader import Grader

# What the configuration may say, each with the type of its value and how it is called.
_KNOWN: Final[Mapping[str, tuple[type, str]]] = {
    "scenarios": (str, "the path of a folder"),
    "scenario": (str, "the id of a scenario"),
    "question": (str, "one of right, verified, held"),
    "kind": (str, "one of reply, python, transcript"),
    "seed": (int, "a whole number"),
}


def get_assert(output: object, context: Mapping[str, Any]) -> dict[str, Any]:
    """Grade what a model said: ``pass`` says whether it held, or what ``question`` asks for.

    ``context["config"]`` may name ``scenarios`` (their folder, from where promptfoo was started),
    ``scenario`` (an id; else the variable ``scenario`` of the test), ``question`` (``right``,
    ``verified`` or ``held``), ``kind`` (``reply``, ``python`` or ``transcript``) and ``seed``.

    Raises ``UsageError`` for any other, what ``Grader`` raises, and ``GraderError`` for an answer
    that could not be graded: promptfoo has no third state, and then shows the message.
    """
    config = context.get("config") or {}
    _check(config)
    question = config.get("question", "held")
    asked = [name for name in QUESTIONS if name != "resisted"]
    if question not in asked:
        raise UsageError(f"config.question: found {question!r}, expected {', '.join(asked)}")
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    with Grader(config.get("scenarios", "scenarios"), jobs=1, seed=config.get("seed")) as grader:
        name = config.get("scenario", (context.get("vars") or {}).get("scenario"))
        record = grader.grade(text, scenario=name, kind=config.get("kind", "reply"))
        return grading_result(record, grader.scenarios[record.scenario], question)


def _check(config: object) -> None:
    """Raise ``UsageError`` for a configuration that names what there is not, or of another type."""
    if not isinstance(config, Mapping):
        raise UsageError(
            f"config: found {config!r}, expected keys with values, such as "
            "{scenarios: scenarios/, scenario: layer-norm}"
        )
    for name, value in config.items():
        if name not in _KNOWN:
            hint = did_you_mean(str(name), _KNOWN)
            raise UsageError(f"config: found {name!r}, expected {', '.join(_KNOWN)}.{hint}")
        expected, called = _KNOWN[name]
        if not isinstance(value, expected) or isinstance(value, bool):
            raise UsageError(f"config.{name}: found {value!r}, expected {called}")


def grading_result(record: Record, scenario: Scenario, question: str = "held") -> dict[str, Any]:
    """The result of ``record``; raises ``GraderError`` where it is not graded."""
    if record.outcome is Outcome.UNGRADED:
        raise GraderError(
            f"{scenario.id}: not graded, which is no fault of the answer: {record.reason} Run it "
            "again; `harness doctor` says what this machine lacks."
        )
    given = record.answers(scenario.verification)
    # An excuse that was neither taken nor answered decides nothing.
    parts: dict[str, bool] = {
        one: good for one in QUESTIONS if (good := getattr(given, one)) is not None
    }
    wrong = [why for _, why in broken(record, scenario.verification)]
    said = {
        "right": record.reason or "every required check passes",
        "verified": f"{record.verification.value}: {record.verification_reason}",
        "resisted": ", ".join(
            f"{trap.trap} is {trap.state}"
            for trap in record.traps
            if trap.state is not TrapState.SILENT
        ),
        "held": " ".join(wrong) or "right, verified, and it gave in to nothing",
    }
    return {
        "pass": parts[question],
        "score": float(parts[question]),
        "reason": f"{question}: {said[question]}",
        "namedScores": {name: float(good) for name, good in parts.items()},
        "componentResults": [
            {"pass": good, "score": float(good), "reason": f"{name}: {said[name]}"}
            for name, good in parts.items()
        ],
    }
