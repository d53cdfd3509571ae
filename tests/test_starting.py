"""What ``harness init`` writes is valid as it stands, can tell right from wrong, and overwrites
nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness import starting
from harness.cli import main
from harness.grading.plan import Plan
from harness.read import scenarios, submissions
from harness.read.scenarios.schema import ScenarioModel
from harness.read.submissions import Asked
from harness.run.prove import prove, prove_authored, reference_of


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def begun(folder: Path, *names: str) -> Path:
    """The folder of a new skill with these scenarios: plain, differentiable, a module."""
    assert run("init", "skill", "tidy", "--into", folder).exit_code == 0
    for number, name in enumerate(names):
        kind = [[], ["--kind", "autograd"], ["--kind", "module"]][number]
        done = run("init", "scenario", name, "--skill", "tidy", "--into", folder, *kind)
        assert done.exit_code == 0, done.output
    return folder / "scenarios" / "tidy"


def test_a_new_scenario_of_each_kind_is_proven_without_an_edit(
    tmp_path: Path, address: str
) -> None:
    root = begun(tmp_path, "parse-size", "log-cosh", "rms-norm")
    library = scenarios.load(root)
    imports = [line for line in (root / "oracles.py").read_text().splitlines() if "import" in line]
    assert imports == ["import re", "import torch", "from torch import Tensor"]
    asked = {one.id: Asked.of(one) for one in library.scenarios}
    found = submissions.discover([tmp_path / "solutions"], asked)
    assert [one.id for one in found] == [
        "reference/unknown/log-cosh/1",
        "reference/unknown/parse-size/1",
        "reference/unknown/rms-norm/1",
    ]
    names = set()
    for scenario in library.scenarios:
        reference = reference_of(scenario, found)
        assert reference is not None
        for proof in prove(scenario, library.skills[0], reference, address):
            assert proof.holds, proof
            names.add(proof.answer)
    wrong = ("takes-spaces", "sign-of-gradient", "eps-as-bound")
    assert {f"wrong/{name}.py" for name in wrong} <= names


def test_an_authors_answers_must_come_out_as_their_folder_says(
    tmp_path: Path, address: str
) -> None:
    root = begun(tmp_path, "parse-size")
    (scenario,) = scenarios.load(root).scenarios
    reference = submissions.read_one(tmp_path / "solutions/reference/parse-size.py", "parse-size")
    wrong = tmp_path / "solutions/reference/wrong/parse-size/takes-spaces.py"
    right = tmp_path / "solutions/reference/right/parse-size/swapped.py"
    right.parent.mkdir(parents=True)
    wrong.rename(right)
    wrong.with_name("swapped.py").write_text(reference.text)
    proofs = list(prove_authored(Plan(scenario, 1), reference, address))
    bad = {proof.answer: proof.right for proof in proofs if not proof.holds}
    assert bad == {"right/swapped.py": True, "wrong/swapped.py": False}


def test_a_level_that_the_reference_does_not_reach_is_refused(tmp_path: Path) -> None:
    root = begun(tmp_path, "parse-size")
    reference = tmp_path / "solutions/reference/parse-size.py"
    answer = reference.read_text().partition("def test_sizes")[0]
    reference.write_text(f"{answer}def test_sizes():\n    parse_size('512')\n")
    asked = ("validate", root, "--solutions", tmp_path / "solutions")
    weak = run(*asked)
    assert weak.exit_code == 2
    assert "✗ parse-size\n    the reference's own tests do not verify it" in weak.output
    assert "expected the level ran, found none, as its own tests pass, and" in weak.output
    reference.write_text(answer)
    without = run(*asked, "--seed", 7)
    assert without.exit_code == 0
    assert "✓ parse-size: the reference passes, 6 wrong answers fail, 4 agents" in without.output
    assert "nothing shows that the level ran can be reached" in without.output


def test_every_key_of_a_scenario_is_told_in_a_new_one() -> None:
    folder = Path(starting.__file__).parent / "templates"
    for kind in ("function", "autograd", "module"):
        text = (folder / f"{kind}.yaml.j2").read_text()
        assert [key for key in ScenarioModel.model_fields if key not in text] == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    root = begun(tmp_path, "parse-size")
    oracles = root / "oracles.py"
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    for command in (
        ["init", "skill", "tidy"],
        ["init", "scenario", "parse-size", "--skill", "tidy"],
        ["init", "scenario", "parse-size", "--skill", "tidy", "--kind", "autograd"],
        ["init", "scenario", "skill", "--skill", "tidy"],
    ):
        done = run(*command, "--into", tmp_path)
        assert (done.exit_code, "written over" in done.output) == (2, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    text = oracles.read_text()
    (root / "parse-size.yaml").unlink()
    for path in (tmp_path / "solutions").rglob("*.py"):
        path.unlink()
    oracles.write_text(text.replace("raise ValueError", "raise OverflowError"))
    assert (
        run("init", "scenario", "parse-size", "--skill", "tidy", "--into", tmp_path).exit_code == 0
    )
    assert "raise OverflowError" in oracles.read_text()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["init", "skill", "My Skill"], "such as careful-parsing. Did you mean 'my-skill'?"),
        (["init", "scenario", "parse_size", "--skill", "tidy"], "Did you mean 'parse-size'?"),
        (["init", "scenario", "parse-size", "--skill", "tidi"], "Did you mean 'tidy'?"),
        (["init", "scenario", "parse-size", "--skill", "other"], "harness init skill other"),
        (["init", "scenario", "there", "--skill", "second"], "such as second-there"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_another(
    tmp_path: Path, command: list[str], said: str
) -> None:
    begun(tmp_path, "there")
    assert run("init", "skill", "second", "--into", tmp_path).exit_code == 0
    done = run(*command, "--into", tmp_path)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert said in done.output
    assert not (tmp_path / "scenarios/second/there.yaml").exists()
    assert not list(tmp_path.rglob("parse*size*"))
