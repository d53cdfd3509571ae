"""What a shell offers: names of scenarios, arms and skills, at once and whatever is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from harness.cli import main

ROOT = Path(__file__).parent.parent


def offered(*words: str) -> list[str]:
    """What is offered for the last of ``words``."""
    complete = ShellComplete(main, {}, "harness", "_HARNESS_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run --only la", ["label-smoothing", "layer-norm"]),
        ("run scenarios/custom-autograd-functions --only la", ["layer-norm"]),
        ("run scenarios/custom-autograd-functions/layer-norm.yaml --only ", ["layer-norm"]),
        ("grade x.md --scenarios scenarios --scenario bce", ["bce-with-logits"]),
        ("show memory", ["memory-relu"]),
        ("generate --only second", ["second-order"]),
        ("score x.eval --scenario dice", ["dice-loss"]),
        ("run --arm base", ["baseline", "baseline-calm", "baseline-pushed"]),
        ("run --solutions solutions --arm ref", ["reference"]),
        ("init scenario x --skill num", ["numerically-stable-losses"]),
        ("run --only skill", []),  # skill.yaml is no scenario
        ("run nowhere --only ", []),
        ("run README.md --only ", []),
        ("run --solutions README.md --arm ", []),
        ("run --seed x --only memory", ["memory-relu"]),
        ("run --executor r", ["ray"]),
        ("init ex", ["examples"]),
    ],
)
def test_names_are_offered(line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert offered(*line.split(" ")) == expected


def test_a_folder_that_may_not_be_read_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scenarios").symlink_to("scenarios")  # a circle
    assert offered("run", "--only", "") == []
    assert offered("run", "--arm", "") == []
    assert offered("run", "a\0b", "--only", "") == []


# Ends with a word of its own where something was imported that takes long.
PROGRAM = """#!{}
import sys
from harness.cli import main
try:
    main()
finally:
    heavy = {{"torch", "pandas", "pydantic", "scipy", "numpy", "yaml", "rich"}} & set(sys.modules)
    if heavy:
        print(f"plain,{{heavy}}")
"""
BASH = """
eval "$(_HARNESS_COMPLETE=bash_source harness)"
COMP_WORDS=(harness run --only laye)
COMP_CWORD=3
_harness_completion harness
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_bash_completes_and_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    """In bash itself, by the script that the program gives it."""
    program = tmp_path / "harness"
    program.write_text(PROGRAM.format(sys.executable))
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", BASH],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("layer-norm\n", "")
