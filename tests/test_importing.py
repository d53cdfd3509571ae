"""Requests of skill-creator and of Harbor become scenarios that can be asked, and say what cannot
be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from test_judge import Server, answer, line

from harness.cli import main
from harness.errors import ScenarioError, UsageError
from harness.generate.importing import read_tasks, write_scenarios
from harness.generate.requests import ARMS, Guides, requests
from harness.model import BehaviourState, Guide, Outcome, Scenario
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.results import read_results

FRONT = "---\nname: tidy\ndescription: Tidies tables.\n---\n"
GUIDE = FRONT + "Always say how many rows were dropped.\n"


def skill(folder: Path, *evals: dict[str, Any], **files: bytes) -> Path:
    """The folder of a skill with these evals, and files in ``evals/files``."""
    root = folder / "tidy"
    (root / "evals" / "files").mkdir(parents=True)
    (root / "SKILL.md").write_text(GUIDE)
    for name, content in files.items():
        (root / "evals" / "files" / name).write_bytes(content)
    given = {"skill_name": "tidy", "evals": [{"id": n, **e} for n, e in enumerate(evals, start=1)]}
    (root / "evals" / "evals.json").write_text(json.dumps(given))
    return root


def imported(source: Path, folder: Path) -> tuple[Scenario, ...]:
    """The scenarios that are read from ``folder / "scenarios"`` once they are written there."""
    write_scenarios(read_tasks(source), folder / "scenarios" / "tidy")
    return scenarios.load(folder / "scenarios").scenarios


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


CALM = ("baseline-calm", "skill-calm", "placebo-calm")
ONE = {"prompt": "Tidy it.", "expectations": ["Says how many rows were dropped.", "Is a table."]}


def test_evals_become_requests_with_and_without_the_skill(tmp_path: Path) -> None:
    given = {"prompt": "And this?", "assertions": [{"text": "Says no."}], "name": "Empty input"}
    first, second = imported(skill(tmp_path, ONE, given), tmp_path)
    assert (first.id, second.id) == ("tidy-1", "tidy-empty-input")
    assert first.expected_behaviour == tuple(ONE["expectations"])
    assert second.expected_behaviour == ("Says no.",)
    (known,) = scenarios.load(tmp_path / "scenarios").skills
    assert (known.name, known.summary) == ("tidy", "Tidies tables.")
    assert known.guide is not None
    assert (known.guide / "SKILL.md").read_text() == GUIDE
    guides = Guides(GUIDE, "", tmp_path, None)
    asked = requests(
        (first, second), list(ARMS.values()), dict.fromkeys([first.id, second.id], guides)
    )
    # Nobody said what pressure would be.
    assert [one.arm.name for one in asked] == [*CALM, *CALM]
    assert all(one.turns == (one.scenario.neutral,) for one in asked)
    assert [bool(one.system) for one in asked] == [
        one.arm.guide is not Guide.WITHOUT for one in asked
    ]


def test_prompts_need_no_placebo_where_none_is_read(tmp_path: Path) -> None:
    source = skill(tmp_path, ONE)
    done = run("import", source, "--out", tmp_path / "scenarios" / "tidy")
    assert done.exit_code == 0, done.output
    asked = tmp_path / "asked"
    done = run("prompts", tmp_path / "scenarios", "--out", asked)
    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in asked.iterdir() if one.is_dir()) == [
        "baseline-calm",
        "skill-calm",
    ]
    assert (asked / "skill-calm" / "tidy-1" / "system.md").read_text().endswith(GUIDE)
    assert "placebo" not in (asked / "README.md").read_text()
    done = run("prompts", tmp_path / "scenarios", "--out", tmp_path / "b", "--arms", "baseline")
    assert done.exit_code == 2
    assert "no scenario says what is asked under pressure" in done.output


def test_the_text_of_files_stands_in_the_request(tmp_path: Path) -> None:
    given = {**ONE, "files": ["evals/files/a.md"]}
    (one,) = imported(skill(tmp_path, given, **{"a.md": b"# A\n```py\nx\n```\n"}), tmp_path)
    assert one.neutral == "Tidy it.\n\nevals/files/a.md:\n\n````\n# A\n```py\nx\n```\n````"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({**ONE, "files": ["evals/files/b.pdf"]}, "b.pdf, which is no text"),
        ({**ONE, "files": ["evals/files/none"]}, "none, which is no file in the folder"),
        ({**ONE, "files": ["../secret"]}, "secret, which is no file in the folder"),
        ({**ONE, "files": ["evals/files/link"]}, "link, which is no file in the folder"),
        ({**ONE, "files": ["evals/files/large"]}, "larger than 100000 bytes of text"),
        ({**ONE, "prompt": " "}, "has no prompt"),
        ({"prompt": "Do."}, "has neither expectations, assertions nor an expected_output"),
    ],
)
def test_what_cannot_be_asked_is_left_out_and_named(
    given: dict[str, Any], why: str, tmp_path: Path
) -> None:
    source = skill(tmp_path, ONE, given, **{"b.pdf": b"%PDF\xff", "large": b"x" * 100_001})
    (tmp_path / "secret").write_text("key")
    (source / "evals" / "files" / "link").symlink_to(tmp_path / "secret")
    found = read_tasks(source / "evals" / "evals.json")
    assert [task.id for task in found.tasks] == ["tidy-1"]
    assert why in found.left["eval 2"]


def test_an_expected_output_is_the_expectation_where_there_is_no_other(tmp_path: Path) -> None:
    (one,) = imported(skill(tmp_path, {"prompt": "Do.", "expected_output": "A table."}), tmp_path)
    assert one.expected_behaviour == ("A table.",)


@pytest.mark.parametrize(
    "prompt",
    [
        "a: b\n  - c # d",
        "'\"{}[]&*!|>%@`",
        "---\n...\n",
        "tab\there \n  x  \ny",
        "на́чать — 始",
        "\x07é",
    ],
)
def test_a_request_says_the_same_whatever_is_in_it(prompt: str, tmp_path: Path) -> None:
    (one,) = imported(skill(tmp_path, {**ONE, "prompt": prompt}), tmp_path)
    assert one.neutral == prompt.strip()


def test_a_place_without_requests_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found no request, expected an evals\.json"):
        read_tasks(tmp_path)
    (tmp_path / "evals.json").write_text("{")
    with pytest.raises(UsageError, match=r"evals\.json: cannot be read as JSON"):
        read_tasks(tmp_path)
    (tmp_path / "evals.json").write_text('{"evals": 3}')
    with pytest.raises(UsageError, match="evals: expected a list"):
        read_tasks(tmp_path)


def test_two_evals_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tidy-x would be the id of several scenarios"):
        read_tasks(skill(tmp_path, {**ONE, "name": "X"}, {**ONE, "name": "x!"}))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    source = skill(tmp_path, ONE)
    imported(source, tmp_path)
    done = run("import", source, "--out", tmp_path / "scenarios" / "tidy")
    assert done.exit_code == 2
    assert "is not empty; choose a new folder" in done.output


# --------------------------------------------------------------------------
# Harbor


SOLVE = (
    "#!/bin/bash\ncat > /app/op.py <<'EOF'\nfrom base import two\nEOF\ncp /solution/base.py /app/\n"
)


def harbor(folder: Path, name: str, config: str = "", asked: str = "Write op.py.\n") -> Path:
    task = folder / name
    (task / "solution").mkdir(parents=True)
    (task / "task.toml").write_text(config)
    (task / "instruction.md").write_text(asked)
    (task / "solution" / "solve.sh").write_text(SOLVE)
    (task / "solution" / "base.py").write_text("two = 2\n")
    return task


def test_harbor_tasks_become_requests_that_their_tests_alone_would_decide(tmp_path: Path) -> None:
    harbor(
        tmp_path / "tasks", "a", '[task]\nname = "org/Op_One"', "<!-- canary GUID 1 -->\n\nDo.\n"
    )
    harbor(tmp_path / "tasks", "b", '[[steps]]\nname = "x"')
    harbor(tmp_path / "tasks", "c", "not toml")
    found = read_tasks(tmp_path / "tasks")
    assert list(found.left) == ["b", "c"]
    assert "several steps" in found.left["b"]
    (one,) = imported(tmp_path / "tasks", tmp_path)
    assert (one.id, one.neutral) == ("op-one", "Do.")
    ((_, rules),) = one.rules_of_lines()
    assert rules.undecidable
    place = tmp_path / "scenarios" / "tidy" / "solutions" / "reference" / "harbor" / "op-one.json"
    solved = read_one(place, "op-one", ("two",))
    assert solved.problem is None
    assert "two = 2" in (solved.code or "")


# --------------------------------------------------------------------------
# Answers to them


def answered(folder: Path) -> Path:
    """Answers of two arms to the one request."""
    place = folder / "answers"
    for arm, text in (
        ("skill-calm", "Dropped 2 rows.\n\n| city | count |\n"),
        ("baseline-calm", "| city | count |\n"),
    ):
        (place / arm / "m").mkdir(parents=True)
        (place / arm / "m" / "tidy-1.md").write_text(text)
    (place / "arms.yaml").write_text(
        "skill-calm: {skill: true, dose: 0}\nbaseline-calm: {skill: false, dose: 0}\n"
    )
    return place


def graded(folder: Path, *further: object) -> Result:
    imported(skill(folder, ONE), folder)
    given = ["run", folder / "scenarios", "--solutions", answered(folder), "--out", folder / "out"]
    return run(*given, "--ledger", folder / "ledger", "-j", 1, "--export", "grading", *further)


def test_without_a_reader_nothing_is_judged_and_the_run_says_so(tmp_path: Path) -> None:
    done = graded(tmp_path)
    assert done.exit_code == 0, done.output
    assert "not graded, as no check asks for it: 2 answers to tidy-1." in done.output
    for record in read_results(tmp_path / "out" / "results.json").records:
        # Neither wrong, nor one that hands over nothing.
        assert record.outcome is Outcome.UNGRADED
        assert {one.state for one in record.behaviour} == {BehaviourState.NOT_READ}
    assert not list((tmp_path / "out").rglob("grading.json"))


def test_a_reader_s_judgements_are_the_grading_of_the_evals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def read(body: dict[str, Any]) -> Any:
        asked = body["messages"][-1]["content"]
        dropped = "Dropped 2" in asked.partition("<<<reply")[2]
        first = line("| city | count |", "met" if dropped else "not met", 1)
        return answer(first, line("| city | count |", "met", 2))

    server = Server(read)
    reader = ("--reader", "model:openai/tiny", "--api-base", server.base)
    try:
        done = graded(tmp_path, *reader, "--readings", tmp_path / "r", "--export", "benchmark")
    finally:
        server.close()
    assert done.exit_code == 0, done.output
    place = tmp_path / "out" / "skill-creator" / "eval-1"
    told = {
        name: json.loads((place / name / "run-1" / "grading.json").read_text())
        for name in ("with_skill", "without_skill")
    }
    assert [one["text"] for one in told["with_skill"]["expectations"]] == ONE["expectations"]
    assert {name: one["summary"]["pass_rate"] for name, one in told.items()} == {
        "with_skill": 1.0,
        "without_skill": 0.5,
    }
    benchmark = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert benchmark["run_summary"]["delta"]["pass_rate"] == "+0.50"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("entry_points: {f: {arguments: {x: {tensor: any}}}}\n", "found no checks, expected both"),
        ("checks: [vjp]\n", "found no entry_points, expected both"),
        ("pressures: [urgency]\n", "found no pressured request, expected one where there are"),
    ],
)
def test_half_a_scenario_is_refused(more: str, words: str, tmp_path: Path) -> None:
    imported(skill(tmp_path, ONE), tmp_path)
    file = tmp_path / "scenarios" / "tidy" / "tidy-1.yaml"
    file.write_text(file.read_text() + more)
    with pytest.raises(ScenarioError, match=words):
        scenarios.load(tmp_path / "scenarios")
