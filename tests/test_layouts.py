"""Where recorded conversations and answers of other programs lie, and what their names say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from format_fixtures import FORMATS

from harness.errors import SubmissionError, UsageError
from harness.model import Submission
from harness.read.submissions import Aside, Told, discover, read_every, read_one, told

IDS = {"op": ("op",), "other": ("op",)}
CODE = "def op(x):\n    return x * 2\n"


def put(path: Path, content: bytes | str | object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def lines(path: Path, *records: object) -> Path:
    return put(path, "".join(json.dumps(record) + "\n" for record in records))


def found(root: Path, said: Told | None = None) -> tuple[Sequence[Submission], Aside]:
    aside = Aside()
    return discover([root], IDS, aside, said), aside


def harbor(trial: Path, task: str, **changes: object) -> Path:
    """The folder of a trial as Harbor leaves it, with a log of the agent's own beside ATIF."""
    model = {"name": "m1", "provider": "p"}
    agent = {"name": "claude-code", "version": "2", "model_info": model, **changes}
    put(trial / "result.json", {"task_name": task, "trial_name": trial.name, "agent_info": agent})
    put(trial / "config.json", {"trial_name": trial.name})
    put(trial / "agent" / "sessions" / "0f9c.jsonl", FORMATS["claude-code"]())
    put(trial / "verifier" / "ctrf.json", {"results": {}})
    put(trial / "artifacts" / "op.py", "def op(x): return x")
    put(trial / "agent" / "trajectory.json", FORMATS["atif"]())
    return trial


def test_trials_of_harbor_are_answers_to_the_scenario_named_after_their_task(
    tmp_path: Path,
) -> None:
    jobs = tmp_path / "jobs"
    for job, name, task in (
        ("baseline", "op__aaaaaaa", "org/op"),
        ("baseline", "op__bbbbbbb", "org/op"),
        ("skill", "op__ccccccc", "OP"),
    ):
        harbor(jobs / job / name, task)
        put(jobs / job / "result.json", {"id": "0", "stats": {}})
        put(jobs / job / "config.json", {"job_name": job})
    answers, aside = found(jobs)
    assert [s.id for s in answers] == ["baseline/m1/op/1", "baseline/m1/op/2", "skill/m1/op/1"]
    assert all(s.code and s.unread is None for s in answers)
    assert not aside.unreadable
    # A job, and a trial, can be given by itself.
    assert [s.id for s in found(jobs / "skill")[0]] == ["skill/m1/op/1"]
    assert [s.id for s in found(jobs / "skill" / "op__ccccccc")[0]] == ["skill/m1/op/1"]


def test_a_trial_without_a_model_is_of_its_agent_and_one_without_atif_is_named(
    tmp_path: Path,
) -> None:
    harbor(tmp_path / "job" / "op__a", "op", model_info=None)
    (harbor(tmp_path / "job" / "op__b", "op") / "agent" / "trajectory.json").unlink()
    harbor(tmp_path / "job" / "x__c", "org/third")
    answers, aside = found(tmp_path / "job")
    assert [s.id for s in answers] == ["job/claude-code/op/1"]
    (missing,) = aside.unreadable
    assert "op__b: Harbor's trial of op has no agent/trajectory.json" in missing
    assert aside.unknown == {"third": 1}


def test_transcripts_of_every_kind_work_inside_folders(tmp_path: Path) -> None:
    root = tmp_path / "solutions"
    for path, name in (
        ("a/ann/op.traj", "swe-agent"),
        ("a/bob/op.traj.json", "mini-swe-agent"),
        ("a/cyd/op.jsonl", "codex"),
        ("a/dan/op.json", "opencode"),
        ("a/eve/op.md", "aider"),
        ("a/fay/op/.aider.chat.history.md", "aider"),
        ("a/gus/op/trajectory.json", "atif"),
        ("a/hal/op/run-7/agent/trajectory.json", "atif"),
        ("a/ivy/op/0f9cb1c2-6f1e-4f6f-9a55-3b1d8a0f7e11.jsonl", "claude-code"),
    ):
        put(root / path, FORMATS[name]())
    answers, aside = found(root)
    assert [s.id for s in answers] == [
        f"a/{who}/op/1" for who in ("ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy")
    ]
    assert {s.kind for s in answers} == {"transcript"}
    assert all(s.code and s.unread is None for s in answers)
    assert not list(aside.lines)


def test_sessions_in_a_folder_are_numbered_beside_the_numbered_ones(tmp_path: Path) -> None:
    folder = tmp_path / "solutions/a/ann/op"
    for name in ("2.json", "b0000000-0000.jsonl", "c0000000-0000.jsonl"):
        put(folder / name, FORMATS["openai" if name == "2.json" else "pi"]())
    answers, _ = found(tmp_path / "solutions")
    assert [(s.sample, Path(s.path).name[0]) for s in answers] == [(1, "b"), (2, "2"), (3, "c")]


def test_one_file_may_hold_samples_of_several_scenarios(tmp_path: Path) -> None:
    log = json.loads(FORMATS["inspect"]())
    (sample,) = log["samples"]
    log["samples"] = [
        {**sample, "id": id, "epoch": epoch, "metadata": {"arm": "skill"}}
        for id, epoch in (("op", 1), ("op", 2), ("other", 1), ("third", 1))
    ]
    path = put(tmp_path / "2030-01-01_task.json", log)
    answers, aside = found(path)
    assert [(s.scenario, s.sample, s.arm) for s in answers] == [
        ("op", 1, "skill"),
        ("op", 2, "skill"),
        ("other", 1, "skill"),
    ]
    assert len({s.sha256 for s in answers}) == 3
    assert list(aside.unknown) == ["2030-01-01_task"]
    assert [s.sample for s in read_every(path, "op", ("op",))] == [1, 2]
    with pytest.raises(SubmissionError, match="expected one answer to 'op', found 2; grade them"):
        read_one(path, "op", ("op",))


def test_one_transcript_that_cannot_be_read_is_one_ungraded_answer(tmp_path: Path) -> None:
    root = tmp_path / "solutions"
    put(root / "a/ann/op.json", FORMATS["openai"]())
    put(root / "a/bob/op.json", {"what": "is this"})
    put(root / "a/cyd/op/1.jsonl", b"not json\nat all\n")
    change = {"type": "item.completed", "item": {"type": "file_change", "changes": []}}
    lines(root / "a/dan/op.jsonl", change, change)
    answers, aside = found(root)
    assert [s.id for s in answers] == [f"a/{who}/op/1" for who in ("ann", "bob", "cyd", "dan")]
    assert not aside.mistaken
    by = {s.submitter: s for s in answers}
    assert by["ann"].unread is None
    assert "found an object with what" in (by["bob"].unread or "")
    assert "line 1: not JSON" in (by["cyd"].unread or "")
    assert "give the rollout" in (by["dan"].unread or "").lower()
    assert by["bob"].sha256 != by["ann"].sha256
    with pytest.raises(SubmissionError, match="found an object with what"):
        discover([root / "a/bob"], IDS)


def test_other_json_is_left_aside_and_named(tmp_path: Path) -> None:
    root = tmp_path / "solutions"
    put(root / "a/ann/op.json", FORMATS["openai"]())
    put(root / "a/ann/labels.json", {"a": 1})
    put(root / "a/ann/settings.json", [])
    answers, aside = found(root)
    assert len(answers) == 1
    (line,) = aside.lines
    assert line.startswith("2 JSON files named after no scenario: left aside. ")
    assert "labels.json" in line
    assert not aside.mistaken
    assert len(discover([root], IDS)) == 1


def test_files_of_a_transcript_are_no_answers_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "solutions/a/ann"
    put(root / "op.jsonl", FORMATS["claude-code"]())
    put(root / "op/subagents/agent-a1.jsonl", FORMATS["claude-code"]())
    put(root / "op/files/op.py", CODE)
    put(root / "agent-b2.jsonl", FORMATS["claude-code"]())
    answers, aside = found(tmp_path / "solutions")
    assert [s.id for s in answers] == ["a/ann/op/1"]
    assert not list(aside.lines)


@pytest.mark.parametrize(
    ("name", "submitter"),
    [
        ("meta-llama--Llama-3.1-8B_vllm_temp_0.0.jsonl", "meta-llama/Llama-3.1-8B"),
        ("gpt-5.5--main--bigcodebench-complete--openai-0-1-sanitized_calibrated.jsonl", "gpt-5.5"),
        ("claude-opus-5_samples.jsonl", "claude-opus-5"),
        ("answers.jsonl", "answers"),
        ("samples.jsonl", "samples"),
    ],
)
def test_a_file_of_answers_is_named_after_its_model(
    name: str, submitter: str, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path)
    path = lines(tmp_path / "solutions" / name, {"task_id": "op", "solution": CODE})
    (answer,) = discover([path], IDS)
    assert answer.submitter == submitter
    assert answer.id.count("/") == 3


def test_records_of_any_shape_are_read_with_a_map(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "x.jsonl",
        {"doc": {"task_id": "op"}, "resps": [["first", "second"]], "solution": 3},
        {"doc": {"task_id": "Name/0"}, "resps": [["third", "x"]]},
    )
    said = told(None, ["task_id=doc.task_id,completion=resps.0.0", "Name/0=other"])
    answers = discover([path], IDS, None, said)
    assert [(s.scenario, s.text, s.kind) for s in answers] == [
        ("op", "first", "reply"),
        ("other", "third", "reply"),
    ]
    with pytest.raises(
        SubmissionError, match=r"x\.jsonl:1: task_id=doc\.id: doc has no 'id' \(its"
    ):
        discover([path], IDS, None, told(None, ["task_id=doc.id,completion=resps"]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("task_id", "found 'task_id', expected NAME=VALUE, such as task_id=doc"),
        ("tsk_id=doc.id", "'tsk_id' is no field of a record. Did you mean 'task_id'?"),
    ],
)
def test_a_map_that_says_nothing_is_refused(given: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        told(None, [given])
    assert message in str(caught.value)


def test_numbers_in_words_and_numbered_names_are_understood(tmp_path: Path) -> None:
    record = {"task_id": "Skill/0", "sample_id": "0", "solution": CODE}
    path = lines(tmp_path / "x.jsonl", record)
    # Whoever names the scenario says what the number means.
    assert read_one(path, "op", ("op",)).scenario == "op"
    other = lines(tmp_path / "y.jsonl", {**record, "task_id": "swish"})
    with pytest.raises(SubmissionError, match=r"found swish; .* say so with --map swish=op"):
        read_one(other, "op")
    assert read_one(other, "op", ("op",), told(None, ["swish=op"])).code == CODE
    answers, aside = found(path)
    assert not answers
    assert list(aside.unknown) == ["Skill/0"]


def test_a_format_that_is_named_is_not_guessed(tmp_path: Path) -> None:
    path = put(tmp_path / "op.json", FORMATS["ai-sdk"]())
    usual = read_one(path, "op", ("op",))
    named = read_one(path, "op", ("op",), Told("openai"))
    assert usual.transcript is not None
    assert named.transcript is not None
    assert (usual.transcript.format, named.transcript.format) == ("ai-sdk", "openai")
    # Read in another way it is another answer.
    assert usual.sha256 != named.sha256
    with pytest.raises(SubmissionError, match="nothing in it is a message, read as atif"):
        read_one(path, "op", ("op",), Told("atif"))


def test_convert_shows_and_writes_what_is_understood(tmp_path: Path) -> None:
    path, out = put(tmp_path / "t.jsonl", FORMATS["codex"]()), tmp_path / "out.json"
    done = harness("convert", path, "--out", out)
    assert done.returncode == 0
    assert "format codex (model m)" in done.stdout
    again = harness("convert", out)
    assert again.stdout.split("\n")[1:] == [*done.stdout.split("\n")[1:-2], ""]
    wrong = harness("convert", path, "--format", "codx")
    assert wrong.returncode == 2
    assert "Did you mean 'codex'?" in wrong.stderr
    helped = harness("convert", "--help")
    assert "claude-code" in helped.stdout


def harness(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_two_files_for_one_sample_leave_the_second_aside_in_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "solutions/arm/model"
    (folder / "learnable-swish").mkdir(parents=True)
    (folder / "learnable-swish.py").write_text("def swish_beta(x, beta): return x\n")
    (folder / "learnable-swish/1.py").write_text("def swish_beta(x, beta): return x\n")
    aside = Aside()
    found = discover([tmp_path / "solutions"], {"learnable-swish": ("swish_beta",)}, aside)
    assert len(found) == 1
    (line,) = aside.unreadable
    assert "are both arm/model/learnable-swish/1" in line


def test_a_log_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    """Its name, which is that of no scenario, is not what is wrong."""
    put(tmp_path / "words.eval", b"not a log\n")
    with zipfile.ZipFile(tmp_path / "packed.eval", "w") as archive:
        archive.writestr("a.txt", "x")
    for name, what in (
        ("words", "not JSON"),
        ("packed", "an archive, and no Inspect log: it holds no header.json"),
    ):
        answers, aside = found(tmp_path / f"{name}.eval")
        assert (answers, dict(aside.unknown)) == ((), {})
        (line,) = aside.unreadable
        assert line.startswith(f"{tmp_path / name}.eval: {what}")
        assert aside.mistaken
