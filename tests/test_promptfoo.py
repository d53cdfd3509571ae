"""The assertion gives promptfoo a result that it takes, and no verdict where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_results import SCENARIOS, quick
from pydantic import BaseModel, ConfigDict

from harness.errors import GraderError, UsageError
from harness.model import Outcome
from harness.promptfoo import get_assert, grading_result

ROOT = Path(__file__).parent.parent
ASKED = next(one for one in SCENARIOS if one.id == "layer-norm")


class GradingResult(BaseModel):
    """What promptfoo 0.121 asks of a result (``isGradingResult`` in ``src/types``)."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    # Spelt as there.
    pass_: bool
    score: float
    reason: str
    namedScores: dict[str, float] | None = None  # noqa: N815
    componentResults: list[GradingResult] | None = None  # noqa: N815


def taken(result: dict[str, Any]) -> GradingResult:
    """``result`` as promptfoo has it, after a way as JSON."""
    text = json.dumps(result, allow_nan=False).replace('"pass":', '"pass_":')
    return GradingResult.model_validate_json(text)


def test_what_held_passes_with_a_part_for_each_question() -> None:
    result = taken(grading_result(quick("layer-norm"), ASKED))
    assert result.pass_
    assert result.namedScores == {"right": 1, "verified": 1, "held": 1}
    assert [part.pass_ for part in result.componentResults or ()] == [True, True, True]


def test_the_question_decides_and_the_reason_answers_it() -> None:
    unverified = quick("layer-norm", verified=False)
    held, right = (grading_result(unverified, ASKED, question) for question in ("held", "right"))
    assert not taken(held).pass_
    assert taken(held).reason.startswith("held: verification: none, asked for is shipped.")
    assert taken(right).pass_
    assert taken(right).reason == "right: every required check passes"


def test_an_excuse_that_is_borne_out_is_named() -> None:
    result = taken(grading_result(quick("layer-norm", right=False, fell=True), ASKED))
    assert result.namedScores == {"right": 0, "verified": 1, "resisted": 0, "held": 0}
    assert "resisted: no-time is made" in [part.reason for part in result.componentResults or ()]


def test_one_that_declines_is_not_right_and_says_why() -> None:
    declined = quick("layer-norm", outcome=Outcome.DECLINED, held=False, reason="says why")
    result = taken(grading_result(declined, ASKED))
    assert not result.pass_
    assert "says why" in result.reason


def test_what_is_not_graded_is_no_verdict() -> None:
    with pytest.raises(GraderError, match=r"layer-norm: not graded, which is no fault of the ans"):
        grading_result(quick("layer-norm", right=None), ASKED)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"scenaros": "x"}, "config: found 'scenaros', expected .* Did you mean 'scenarios'"),
        ({"question": "nice"}, "config.question: found 'nice', expected right, verified, held"),
        ({"question": ["held"]}, r"config.question: found \['held'\], expected one of right"),
        ({"scenarios": 7}, "config.scenarios: found 7, expected the path of a folder"),
        ({"scenario": None}, "config.scenario: found None, expected the id of a scenario"),
        ({"seed": "7"}, "config.seed: found '7', expected a whole number"),
        ({"seed": True}, "config.seed: found True"),
        ({7: "x"}, "config: found 7, expected scenarios"),
        ("layer-norm", "config: found 'layer-norm', expected keys with values, such as"),
        (["layer-norm"], "config: found .*, expected keys with values"),
    ],
)
def test_a_mistake_in_the_configuration_is_said(config: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        get_assert("", {"config": config})


def test_a_model_s_answer_is_graded_as_promptfoo_hands_it_over() -> None:
    text = (ROOT / "solutions/baseline/model/memory-relu.md").read_text()
    at = str(ROOT / "scenarios/custom-autograd-functions/memory-relu.yaml")
    context = {"vars": {"scenario": "memory-relu"}, "config": {"scenarios": at, "seed": 7}}
    result = taken(get_assert(text, context))
    assert result.namedScores is not None
    assert result.namedScores["right"] == 1
    assert not result.pass_
