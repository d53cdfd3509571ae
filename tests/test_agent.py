"""Agents with a shell are asked the same requests, and what they did is kept as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import main
from harness.errors import UsageError
from harness.generate import agent as agents
from harness.generate.agent import TOLD, AskingAgents, Shell
from harness.generate.asking import AskedAll, AskingLimits, Price
from harness.generate.replies import ReplyPlace, Settings
from harness.generate.requests import chosen_arms, read_guides, requests
from harness.model import StepKind, Submission
from harness.read import scenarios
from harness.read.submissions import discover

pytest.importorskip("inspect_ai", reason="the extra inspect is not installed")
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageTool, ModelOutput, ModelUsage

# Of the libraries that Inspect is made of; it leaves streams in memory open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

ROOT = Path(__file__).parent.parent
SCENARIO = scenarios.load(ROOT / "scenarios").scenario("memory-relu")
GUIDES = read_guides(ROOT / "skills/custom-autograd-functions", ROOT / "skills/placebo")
NAME = SCENARIO.entry_points[0].name
CODE = f"def {NAME}(x):\n    return x\n"
WRITE = f"cat guide/SKILL.md; printf '%s' '{CODE}' > answer.py; echo written"


@pytest.fixture(autouse=True)
def _streams_are_closed_here() -> Iterator[None]:
    yield
    gc.collect()


def agent(input: list[Any], *_: Any) -> ModelOutput:
    """It reads the guide, where there is one, writes a file and says so."""
    if isinstance(input[-1], ChatMessageTool):
        output = ModelOutput.from_content("mockllm/model", "It is in answer.py.")
    else:
        output = ModelOutput.for_tool_call("mockllm/model", "bash", {"command": WRITE})
    output.usage = ModelUsage(input_tokens=1_000, output_tokens=100, total_tokens=1_100)
    return output


def ask(out: Path, *arms: str, model: Any = agent, samples: int = 1, **limits: Any) -> AskedAll:
    asking = AskingAgents(
        Settings("mockllm/model"),
        out,
        AskingLimits(**{"jobs": 2, **limits}),
        Price(1.0, 10.0),
        {"custom_outputs": model},
        shell=Shell("local", tokens=10_000),
    )
    asked = requests([SCENARIO], chosen_arms(arms), {SCENARIO.id: GUIDES})
    new = asking.missing(asked, samples)
    return asking.ask_all(new, samples * len(asked) - len(new))


def found(out: Path) -> dict[str, Submission]:
    names = {SCENARIO.id: [one.name for one in SCENARIO.entry_points]}
    return {one.id: one for one in discover([out], names)}


def test_what_an_agent_did_in_its_sandbox_is_its_answer(tmp_path: Path) -> None:
    out = tmp_path / "solutions"
    told = ask(out, "baseline", "skill", "placebo", samples=2)
    assert (told.had, told.known, told.missed) == (6, 0, {})
    read = found(out)
    assert sorted(read) == [
        f"{arm}/mockllm--model--agent/{SCENARIO.id}/{n}"
        for arm in ("baseline", "placebo", "skill")
        for n in (1, 2)
    ]
    shown = {}
    for id, one in read.items():
        assert one.transcript is not None
        assert (one.code or "").strip() == CODE.strip()
        steps = one.transcript.steps
        assert [s.text for s in steps if s.kind is StepKind.USER] == [SCENARIO.pressured.strip()]
        shown[id.split("/")[0]] = "".join(s.text for s in steps if s.kind is StepKind.RESULT)
    assert "No such file" in shown["baseline"]
    assert GUIDES.skill.splitlines()[-1] in shown["skill"]
    assert GUIDES.placebo.splitlines()[-1] in shown["placebo"]
    assert TOLD not in (out / "baseline/mockllm--model--agent/memory-relu/1.json").read_text()
    origin = yaml.safe_load(
        (out / "skill/mockllm--model--agent/memory-relu/1.provenance.yaml").read_text()
    )
    assert (origin["input_tokens"], origin["output_tokens"]) == (2_000, 200)
    assert origin["cost_usd"] == 0.004
    assert origin["shell"]["sandbox"] == "local"


def test_an_agent_is_pushed_back_on_and_asked_nothing_twice(tmp_path: Path) -> None:
    assert ask(tmp_path, "skill-pushed").had == 1
    again = ask(tmp_path, "skill-pushed")
    assert (again.had, again.known) == (0, 1)
    (one,) = found(tmp_path).values()
    assert one.transcript is not None
    said = [s.text for s in one.transcript.steps if s.kind is StepKind.USER]
    assert said == [one.strip() for one in (SCENARIO.pressured, *SCENARIO.follow_ups)]
    reply = tmp_path / f"skill-pushed/mockllm--model--agent/{SCENARIO.id}/1.json"
    reply.write_text(reply.read_text() + " ")
    with pytest.raises(UsageError, match="it was changed"):
        ask(tmp_path, "skill-pushed")


def test_a_budget_that_does_not_reach_for_an_agent_begins_none(tmp_path: Path) -> None:
    # At most (10 000 + 8 192) tokens at 10 dollars a million.
    told = ask(tmp_path, "baseline", "skill", "placebo", budget=0.185)
    assert (told.had, told.unaffordable) == (1, 2)
    assert told.spent == pytest.approx(0.004)


def test_an_agent_that_fails_leaves_nothing_and_one_that_is_cut_off_says_so(
    tmp_path: Path,
) -> None:
    def broken(*_: Any) -> ModelOutput:
        raise RuntimeError("no such model")

    told = ask(tmp_path / "a", "skill", model=broken)
    assert list(told.missed) == [f"skill/mockllm--model--agent/{SCENARIO.id}/1"]
    assert "no such model" in next(iter(told.missed.values()))
    assert not (tmp_path / "a").exists()

    def endless(*_: Any) -> ModelOutput:
        output = ModelOutput.for_tool_call("mockllm/model", "bash", {"command": "true"})
        output.usage = ModelUsage(input_tokens=6_000, output_tokens=100, total_tokens=6_100)
        return output

    assert ask(tmp_path / "b", "skill", model=endless).had == 1
    (origin,) = (tmp_path / "b").rglob("*.provenance.yaml")
    assert yaml.safe_load(origin.read_text())["finish_reason"] == "length"


def test_an_agent_runs_on_this_machine_only_where_that_is_allowed(tmp_path: Path) -> None:
    skill = str(ROOT / "scenarios/custom-autograd-functions")
    arguments = ["generate", skill, "--model", "mockllm/model", "--yes"]
    arguments += ["--out", str(tmp_path), "--agent", "local"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "say --allow-local if that is meant" in done.stderr


def test_a_sandbox_that_cannot_begin_is_told_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where there is no Docker Engine; the client is there or not.
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing")
    command = ["generate", str(ROOT / "scenarios"), "--model", "mockllm/model", "--yes"]
    command += ["--arms", "baseline", "--only", "memory-relu", "--out", str(tmp_path / "out")]
    for sandbox in ("docker", "dokcer"):
        done = CliRunner().invoke(main, [*command, "--agent", sandbox])
        assert done.exit_code == 2, done.output
        assert f"--agent {sandbox}: Inspect cannot begin with this sandbox: " in done.stderr
        assert "Traceback" not in done.stderr
    done = CliRunner().invoke(main, [*command, "--agent", "docker:nowhere.yaml"])
    assert done.exit_code == 2
    assert "there is no file nowhere.yaml" in done.stderr


def test_agents_go_on_where_they_were_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, begun = agents._run, []

    def ended(asking: AskingAgents, places: Sequence[ReplyPlace]) -> Sequence[EvalLog]:
        begun.append(len(places))
        if len(begun) == 2:
            raise KeyboardInterrupt
        return run(asking, places)

    monkeypatch.setattr(agents, "_run", ended)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, "baseline", "skill", samples=3)
    assert (sum(begun), len(found(tmp_path))) == (4, 2)
    again = ask(tmp_path, "baseline", "skill", samples=3)
    assert (again.known, again.had, len(found(tmp_path))) == (2, 4, 6)
