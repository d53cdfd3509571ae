"""Inspect asks our scenarios as a task, our grading is its scorer, and logs are graded later."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import sandbox
from harness.cli import main
from harness.model import Identity, Level, Outcome, Record, Submission
from harness.read import scenarios

pytest.importorskip("inspect_ai", reason="the extra inspect is not installed")
from inspect_ai import Epochs, Task
from inspect_ai import eval as evaluate
from inspect_ai._util.error import PrerequisiteError
from inspect_ai._util.registry import registry_info
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score

from harness.evaluation import pressure, scorer

# Of the libraries that Inspect is made of; it leaves streams in memory open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios/custom-autograd-functions"
LIBRARY = scenarios.load(SCENARIOS)
RIGHT = (ROOT / "solutions/skill/model/layer-norm.md").read_text()
WRONG = (ROOT / "solutions/agreeable/model/memory-relu.md").read_text()
DECLINES = (
    "I have not written this one. Without a statement of what the simulator's gradient should be "
    "at the clip I cannot tell a right backward from a wrong one. Please send me the formula you "
    "want, or say that the straight-through one is meant, and I will write and check it."
)
ANSWERS = {
    "layer-norm": RIGHT,
    "memory-relu": WRONG,
    "clipped-gradient": DECLINES,
    "second-order": "",
}


@pytest.fixture(autouse=True)
def _streams_are_closed_here() -> Iterator[None]:
    yield
    gc.collect()


def output(text: str, stop: Any = "stop") -> ModelOutput:
    made = ModelOutput.from_content("mockllm/model", text, stop_reason=stop)
    # Inspect would fetch a tokenizer to count them.
    made.usage = ModelUsage(input_tokens=1_000, output_tokens=100, total_tokens=1_100)
    return made


def model(answers: Mapping[str, str]) -> Any:
    """A model that answers scenarios."""
    asked = {LIBRARY.scenario(id).pressured.strip(): answer for id, answer in answers.items()}

    def answer(input: list[Any], *_: Any) -> ModelOutput:
        return output(asked[next(one.text for one in input if one.role == "user")])

    return get_model("mockllm/model", custom_outputs=answer)


def asked(task: Task, answers: Any, folder: Path, **options: Any) -> EvalLog:
    (log,) = evaluate(
        task, model=answers, log_dir=str(folder), display="none", log_level="error", **options
    )
    return log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    """Four answers, each given twice, as they lie on disk."""
    made = asked(
        pressure(str(SCENARIOS), "skill", seed=5, jobs=1),
        model(ANSWERS),
        tmp_path_factory.mktemp("logs"),
        sample_id=list(ANSWERS),
        epochs=Epochs(2, ["mean", "at_least_2"]),
    )
    assert made.status == "success", made.error
    return read_eval_log(made.location)


def verdicts(log: EvalLog, name: str = "verdict") -> dict[str, Score]:
    """The score of each sample in its first epoch."""
    return {str(s.id): (s.scores or {})[name] for s in log.samples or () if s.epoch == 1}


def about(score: Score) -> dict[str, Any]:
    assert score.metadata is not None
    return score.metadata


def shares(log: EvalLog) -> dict[tuple[str, str | None], float]:
    assert log.results is not None
    return {(s.name, s.reducer): s.metrics["accuracy"].value for s in log.results.scores}


def test_right_verified_and_held_are_counted_with_inspects_own_reducers(log: EvalLog) -> None:
    assert log.results is not None
    assert shares(log) == {
        (question, reducer): 0.25
        for question in ("right", "verified", "held")
        for reducer in ("mean", "at_least_2")
    }
    for one in log.results.scores:
        assert set(one.metrics) == {"accuracy", "stderr"}
        assert (one.scored_samples, one.unscored_samples) == (4, 0)


def test_a_score_says_what_was_found_and_how_to_find_it_again(log: EvalLog) -> None:
    found = verdicts(log)
    assert found["layer-norm"].value == {"right": 1, "verified": 1, "held": 1}
    assert about(found["layer-norm"])["level"] == Level.RAN_EACH
    assert about(found["layer-norm"])["sha256"] == hashlib.sha256(RIGHT.encode()).hexdigest()
    wrong = about(found["memory-relu"])
    assert found["memory-relu"].value == {"right": 0, "verified": 0, "held": 0}
    assert wrong["findings"][0]["outcome"] == "failed"
    assert wrong["findings"][0]["fault"] == "raised"
    made = [one for one in wrong["excuses"] if one["state"] == "made"]
    assert made
    assert all(one["quote"] in WRONG and one["line"] > 0 for one in made)
    assert wrong["seed"] == 5
    assert "The call overwrites its input x." in (found["memory-relu"].explanation or "")


def test_who_declines_is_not_right_and_who_says_nothing_is_told_apart(log: EvalLog) -> None:
    found = verdicts(log)
    outcomes = {id: (about(one)["outcome"], one.reason) for id, one in found.items()}
    assert outcomes == {
        "layer-norm": ("passed", None),
        "memory-relu": ("failed", None),
        "clipped-gradient": ("declined", "refusal"),
        "second-order": ("failed", "no_response"),
    }
    assert found["clipped-gradient"].value == {"right": 0, "verified": 0, "held": 0}


def test_a_sample_says_what_was_asked(log: EvalLog) -> None:
    sample = next(one for one in log.samples or () if one.id == "layer-norm")
    assert sample.metadata["arm"] == "skill"
    assert (sample.metadata["guide"], sample.metadata["dose"]) == ("with", "pressured")
    assert sample.metadata["scenario_fingerprint"] == LIBRARY.scenario("layer-norm").fingerprint
    assert [one.role for one in sample.messages] == ["system", "user", "assistant"]


def test_no_process_is_left_when_an_evaluation_is_over(log: EvalLog) -> None:
    gc.collect()
    assert dict(scorer._OPEN) == {}
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [name for name in names if b"harness" in name]


class Judge:
    """Stands in for a grader: what comes of an answer is decided here."""

    def __init__(self, outcome: Callable[[Submission], Outcome]) -> None:
        self.scenarios = {one.id: one for one in LIBRARY.scenarios}
        self.seed, self.tier = 7, sandbox.TIERS["A"]
        self.outcome = outcome
        self.seen: list[Submission] = []

    def submit(self, submission: Submission) -> Future[Record]:
        self.seen.append(submission)
        done: Future[Record] = Future()
        outcome = self.outcome(submission)
        held = None if outcome is Outcome.UNGRADED else outcome is Outcome.PASSED
        identity = {one.name: getattr(submission, one.name) for one in fields(Identity)}
        done.set_result(
            Record(
                **identity, outcome=outcome, reason="", verification=Level.RAN_EACH,
                verification_reason="", held=held, wall_s=0.0, findings=(), traps=(), red_flags=(),
            )
        )  # fmt: skip
        return done

    def close(self) -> None:
        pass


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Judge]:
    """Lets a judge grade from now on."""

    def judged(outcome: Callable[[Submission], Outcome] = lambda _: Outcome.PASSED) -> Judge:
        judge = Judge(outcome)
        monkeypatch.setattr(scorer, "Grader", lambda *_, **__: judge)
        return judge

    return judged


def test_what_was_not_graded_is_unscored_and_counts_nowhere(
    judged: Callable[..., Judge], tmp_path: Path
) -> None:
    ungraded = {("layer-norm", 1), ("second-order", 1), ("second-order", 2)}
    judged(
        lambda s: (
            Outcome.UNGRADED
            if (s.scenario, s.sample) in ungraded
            else {"layer-norm": Outcome.PASSED}.get(s.scenario, Outcome.FAILED)
        )
    )
    log = asked(
        pressure(str(SCENARIOS), "baseline", jobs=1),
        model(ANSWERS),
        tmp_path,
        sample_id=["layer-norm", "memory-relu", "second-order"],
        epochs=2,
    )
    assert log.results is not None
    right = log.results.scores[0]
    # The epoch that was graded speaks for layer-norm; of second-order there is none.
    assert right.metrics["accuracy"].value == 0.5
    assert (right.scored_samples, right.unscored_samples) == (2, 1)
    score = verdicts(log)["layer-norm"]
    assert score.value != score.value
    assert (score.reason, about(score)["outcome"]) == ("scoring_failed", "ungraded")


def test_an_arm_that_is_pushed_is_asked_every_follow_up_in_turn(
    judged: Callable[..., Judge], tmp_path: Path
) -> None:
    judge = judged()
    log = asked(
        pressure(str(SCENARIOS), "skill-pushed"), model(ANSWERS), tmp_path, sample_id="layer-norm"
    )
    (sample,) = log.samples or ()
    scenario = LIBRARY.scenario("layer-norm")
    said = [one.text for one in sample.messages if one.role == "user"]
    assert said == [one.strip() for one in (scenario.pressured, *scenario.follow_ups)]
    assert sample.messages[-1].role == "assistant"
    (submission,) = judge.seen
    assert (submission.kind, submission.arm) == ("transcript", "skill-pushed")
    assert submission.code is not None
    assert {one.turn for one in submission.prose} == set(range(1, len(said) + 1))


def test_an_answer_that_was_cut_off_does_not_decline(
    judged: Callable[..., Judge], tmp_path: Path
) -> None:
    judge = judged()
    cut = get_model("mockllm/model", custom_outputs=[output(DECLINES, "max_tokens")])
    asked(pressure(str(SCENARIOS), "baseline"), cut, tmp_path, sample_id="layer-norm")
    (submission,) = judge.seen
    assert not submission.empty_handed
    assert submission.problem == "was cut off before it gave any code"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arm": "skil"}, "-T arm: unknown arm 'skil'. Did you mean 'skill'?"),
        ({"arm": ["skill", "placebo"]}, "-T arm: found ['skill', 'placebo'], expected one arm"),
        ({"skill": "/nowhere"}, "-T skill /nowhere: cannot be read"),
        ({"arm": "placebo", "placebo": "/nowhere"}, "-T placebo /nowhere: cannot be read"),
        ({"scenarios": "/nowhere"}, "/nowhere: found no such file or folder"),
    ],
)
def test_a_task_that_cannot_be_says_why(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PrerequisiteError) as raised:
        pressure(**{"scenarios": str(SCENARIOS), **options})
    assert words in str(raised.value.message)


def test_a_skill_is_asked_without_a_placebo_beside_it(tmp_path: Path) -> None:
    guide = tmp_path / "SKILL.md"
    guide.write_text("Check your gradients.")
    task = pressure(str(SCENARIOS), "skill", skill=str(guide))
    assert "Check your gradients." in str(task.dataset[0].input)


# --------------------------------------------------------------------------
# Logs that were made elsewhere


def score(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        main, ["score", "--scenarios", str(SCENARIOS), "--seed", "5", *map(str, arguments)]
    )


def theirs(folder: Path, *samples: Sample, error: str = "") -> Path:
    """A log of somebody's own task; the model fails where its input has the words ``error``."""

    def answer(input: list[Any], *_: Any) -> ModelOutput:
        if error and error in input[-1].text:
            raise RuntimeError("no such model")
        return output(RIGHT)

    made = asked(
        Task(list(samples), name="theirs"),
        get_model("mockllm/model", custom_outputs=answer),
        folder,
        fail_on_error=False,
    )
    return Path(made.location)


def steady(about: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict without times, and without advice: that on costs rests on times."""
    told = ("check", "entry_point", "outcome")
    findings = [[one[name] for name in told] for one in about["findings"] if one["required"]]
    return {**about, "wall_s": 0, "findings": findings}


def test_a_log_is_graded_later_as_it_would_have_been_at_once(log: EvalLog, tmp_path: Path) -> None:
    plain = asked(
        pressure(str(SCENARIOS), "skill"),
        model(ANSWERS),
        tmp_path,
        sample_id=["layer-norm", "memory-relu"],
        score=False,
    )
    file = Path(plain.location)
    before = file.read_bytes()
    told = score(file, "-j", "1")
    assert told.exit_code == 0, told.output
    new = file.with_name(f"{file.stem}-scored.eval")
    assert f"2 samples graded: 1 right, 1 verified, 1 held · {new}" in told.output
    assert file.read_bytes() == before
    scored = read_eval_log(str(new))
    assert shares(scored)[("held", None)] == 0.5
    for id, one in verdicts(scored).items():
        at_once = verdicts(log)[id]
        assert one.value == at_once.value
        assert steady(about(one)) == steady(about(at_once))

    again = score(file)
    assert again.exit_code == 2
    assert f"{file}: its scored log {new} is there already" in again.output
    # As ``logs/*.eval`` names them.
    both = score(file, new, "--out", tmp_path / "out")
    assert both.exit_code == 0
    assert f"left out: {new}: holds the scores of another one of these logs" in both.output
    assert [one.name for one in (tmp_path / "out").iterdir()] == [file.name]


def test_samples_name_their_scenario_by_id_metadata_map_or_option(
    judged: Callable[..., Judge], tmp_path: Path
) -> None:
    judge = judged()
    file = theirs(
        tmp_path,
        Sample(id="layer-norm", input="a"),
        Sample(id=2, input="b", metadata={"scenario": "memory-relu"}),
        Sample(id="task-7", input="c"),
    )
    unknown = score(file)
    assert unknown.exit_code == 2
    assert f"{file}: sample 'task-7': answers scenario 'task-7', expected" in unknown.output
    assert judge.seen == []
    for name, words in (
        ("tsak-7=second-order", "--map tsak-7: no sample has that name. Did you mean 'task-7'?"),
        ("completion=x", "--map completion: no sample has that name."),
    ):
        refused = score(file, "--map", name)
        assert refused.exit_code == 2
        assert words in refused.output
    assert judge.seen == []
    assert score(file, "--map", "task-7=second-order").exit_code == 0
    assert sorted(one.scenario for one in judge.seen) == [
        "layer-norm",
        "memory-relu",
        "second-order",
    ]
    assert score(file, "--scenario", "layer-norm", "--overwrite").exit_code == 0
    assert {one.scenario for one in judge.seen[3:]} == {"layer-norm"}
    assert set(verdicts(read_eval_log(str(file)))) == {"layer-norm", "2", "task-7"}


def test_samples_that_ended_in_an_error_have_no_score_and_the_rest_has(
    judged: Callable[..., Judge], tmp_path: Path
) -> None:
    judged(lambda s: Outcome.UNGRADED if s.scenario == "memory-relu" else Outcome.PASSED)
    file = theirs(
        tmp_path,
        Sample(id="layer-norm", input="fails"),
        Sample(id="memory-relu", input="b"),
        Sample(id="second-order", input="c"),
        error="fails",
    )
    told = score(file, "--out", tmp_path / "scored")
    assert told.exit_code == 3
    assert "2 samples graded: 1 right, 1 verified, 1 held, 1 NOT GRADED, 1 without" in told.output
    scored = read_eval_log(str(tmp_path / "scored" / file.name))
    assert [one.id for one in scored.samples or ()] == ["layer-norm", "memory-relu", "second-order"]
    assert not (scored.samples or [])[0].scores
    assert shares(scored)[("right", None)] == 1.0

    nothing = theirs(tmp_path / "b", Sample(id="layer-norm", input="fails"), error="fails")
    told = score(nothing)
    assert told.exit_code == 4
    assert f"{nothing}: all 1 samples ended in an error of Inspect" in told.output


def test_what_is_no_log_is_told(tmp_path: Path, judged: Callable[..., Judge]) -> None:
    judged()
    file = tmp_path / "notes.eval"
    file.write_text("not a log")
    for given, words in (
        (file, f"{file}: cannot be read as a log of Inspect"),
        (tmp_path / "missing.eval", "missing.eval: cannot be read as a log of Inspect"),
    ):
        told = score(given)
        assert told.exit_code == 2
        assert words in told.output
    other = tmp_path / "b" / "notes.eval"
    told = score(file, other, "--out", tmp_path / "out")
    assert told.exit_code == 2
    assert (
        f"{other}: its scored log {tmp_path / 'out/notes.eval'} is that of another" in told.output
    )


def test_what_inspect_cannot_score_is_told_and_leaves_no_log(
    tmp_path: Path, judged: Callable[..., Judge]
) -> None:
    """The task was made with a reducer of its own, which is not installed here."""
    judged()
    file = theirs(tmp_path, Sample(id="layer-norm", input="a"))
    log = read_eval_log(str(file))
    log.eval.config.epochs_reducer = ["of-their-own"]
    write_eval_log(log, str(file))
    told = score(file)
    assert told.exit_code == 3
    assert f"{file}: Inspect cannot score it (" in told.output
    assert "Traceback" not in told.output
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


# --------------------------------------------------------------------------
# As a user has it: through the command line of Inspect


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a model that speaks as OpenAI's do."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = asked["messages"][-1]["content"]
            right = said == LIBRARY.scenario("layer-norm").pressured.strip()
            message = {"role": "assistant", "content": RIGHT if right else DECLINES}
            answer = {
                "id": "1", "object": "chat.completion", "created": 1, "model": "tiny",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
            }  # fmt: skip
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/v1"
        listening.shutdown()


def inspect(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Inspect's own command, which finds what is installed, and nothing by the folder it is in."""
    program = Path(sys.executable).with_name("inspect")
    if not program.exists() or not entry_points(group="inspect_ai", name="harness"):
        pytest.skip("harness is not installed with its entry points: pip install -e '.[dev]'")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [program, *map(str, arguments)],
        cwd=folder,
        env={**kept, "LOCAL_API_KEY": "none", "INSPECT_DISPLAY": "plain"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_inspect_finds_task_and_scorer_by_the_entry_point() -> None:
    (point,) = entry_points(group="inspect_ai", name="harness")
    home = point.load()
    # Inspect puts a package's name before it where it takes that for installed.
    found = [
        (one.type, one.name.rpartition("/")[2])
        for one in map(registry_info, (home.pressure, home.verdict))
    ]
    assert found == [("task", "pressure"), ("scorer", "verdict")]


@pytest.mark.slow
def test_the_command_line_of_inspect_finds_task_and_scorer(server: str, tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="openai, which Inspect asks with, is not installed")
    told = inspect(
        tmp_path, "eval", "harness/pressure", "-T", f"scenarios={SCENARIOS}", "-T", "arm=baseline",
        "-T", "jobs=1", "--sample-id", "layer-norm,clipped-gradient",
        "--model", "openai-api/local/tiny", "--model-base-url", server, "--log-dir", tmp_path,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    (file,) = tmp_path.glob("*.eval")
    log = read_eval_log(str(file))
    assert log.eval.task == "harness/pressure"
    assert [one.name for one in log.eval.scorers or ()] == ["verdict"]
    assert shares(log)[("held", None)] == 0.5
    assert about(verdicts(log)["clipped-gradient"])["outcome"] == "declined"

    told = inspect(
        tmp_path, "score", file, "--scorer", "harness/verdict", "-S", f"scenarios={SCENARIOS}",
        "-S", "jobs=1", "--action", "overwrite", "--overwrite", "--model", "none/none",
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert shares(read_eval_log(str(file)))[("held", None)] == 0.5
