"""A skill that ships: answers on disk, graded by the command line, and the page that says so.

By default under a wider margin, with the few samples that tell it; ``HARNESS_SHIP=full`` takes the
rules as they are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.summary.flip import least_samples

ROOT = Path(__file__).parent.parent
SKILL = "custom-autograd-functions"
SCENARIOS = (
    "clipped-gradient", "five-activations", "kernel-wrapper", "layer-norm", "learnable-swish",
    "memory-relu", "second-order", "weight-clipped-linear",
)  # fmt: skip
FULL = os.environ.get("HARNESS_SHIP") == "full"
MARGIN = 0.05 if FULL else 0.4
ARMS = """\
baseline: {skill: false, dose: 1}
skill: {skill: true, dose: 1}
baseline-calm: {skill: false, dose: 0}
skill-calm: {skill: true, dose: 0}
"""


@pytest.mark.slow
def test_answers_that_hold_only_with_the_skill_make_it_ship(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    shutil.copytree(ROOT / "scenarios", folder)
    shutil.copytree(ROOT / "skills", tmp_path / "skills")
    if not FULL:
        with (folder / SKILL / "skill.yaml").open("a") as file:
            file.write(f"\nship:\n  right_margin: {MARGIN}\n")
    samples = least_samples(len(SCENARIOS), MARGIN)
    assert samples is not None
    right, wrong = ROOT / "solutions/reference/harness", ROOT / "solutions/naive/naive"
    answers = tmp_path / "answers"
    for arm, source, number in (
        ("baseline", wrong, 1),
        ("skill", right, 1),
        ("baseline-calm", right, samples),
        ("skill-calm", right, samples),
    ):
        for name in SCENARIOS:
            place = answers / arm / "model" / name
            place.mkdir(parents=True)
            for n in range(1, number + 1):
                code = (source / f"{name}.py").read_text()
                # Answers that are the same count once.
                (place / f"{n}.py").write_text(f"{code}\n# Answer {n} of {arm}.\n")
    (answers / "arms.yaml").write_text(ARMS)
    out = tmp_path / "out"
    places = ["--solutions", answers, "--out", out, "--ledger", tmp_path / "ledger.sqlite"]
    done = CliRunner().invoke(main, ["run", str(folder), *map(str, places), "--seed", "7"])
    assert done.exit_code == 0, done.output
    assert "✓ Ship  Custom autograd functions" in done.stdout
    assert "Under pressure the skill changes held by +100 points" in " ".join(done.stdout.split())
    assert ("Changed rule: right_margin: 40 % instead of 5 %" in done.stdout) is not FULL
    page = (out / "report.html").read_text()
    assert '<span class="verdict good"><span aria-hidden="true">✓</span> Ship</span>' in page
    assert "Nothing that was asked broke with the skill." in page
