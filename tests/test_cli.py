"""The command line as a user meets it: real processes, real files, every kind of bad input."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import harness

ROOT = Path(__file__).parent.parent
RIGHT = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two scenarios, one right answer and one wrong one."""
    folder = tmp_path_factory.mktemp("project")
    skill = folder / "scenarios" / "custom-autograd-functions"
    shutil.copytree(ROOT / "scenarios" / "custom-autograd-functions", skill)
    for file in skill.glob("*.yaml"):
        if file.stem not in ("skill", "clipped-gradient", "memory-relu"):
            file.unlink()
    quick = skill / "clipped-gradient.yaml"
    quick.write_text(quick.read_text() + "\nlimits:\n  wall_s: 20\n  cpu_s: 3\n")
    for arm, text in (("good", RIGHT), ("bad", RIGHT.replace("2 * x", "3 * x"))):
        place = folder / "solutions" / arm / "me" / "clipped-gradient.py"
        place.parent.mkdir(parents=True)
        place.write_text(text)
    return folder


BAD_SUBMISSIONS = {
    "no-code.md": "Sorry, I would rather not.",
    "does-not-parse.py": "def clipped_double(x:\n    return x\n",
    "raises-on-import.py": "raise RuntimeError('not today')\n",
    "lacks-the-entry-point.py": "def clipped_triple(x):\n    return x\n",
    "another-signature.py": "def clipped_double():\n    return 1\n",
    "exits.py": "import sys\nsys.exit(0)\n",
    "leaves-without-a-word.py": "import os\nos._exit(0)\n",
    "prints-a-lot.py": "for _ in range(100):\n    print('x' * 1_000_000)\n" + RIGHT,
    "loops-for-ever.py": "while True:\n    pass\n",
    "allocates-64-gb.py": "import torch\nhuge = torch.ones(8 << 30, dtype=torch.float64)\n",
    "fills-the-disk.py": (
        "for n in range(20):\n"
        "    with open(f'/work/{n}', 'wb') as file:\n        file.write(bytes(10 << 20))\n"
    ),
    "empty.py": "",
}


@pytest.fixture(scope="module")
def bad(project: Path) -> dict[str, dict[str, Any]]:
    """Records of one run over every bad submission, by file name."""
    folder = project / "bad"
    for name, text in BAD_SUBMISSIONS.items():
        stem, suffix = name.rsplit(".", 1)
        place = folder / "arm" / stem / f"clipped-gradient.{suffix}"
        place.parent.mkdir(parents=True)
        place.write_text(text)
    place = folder / "arm" / "not-utf-8" / "clipped-gradient.py"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"\xff\xfe\x00 broken")
    done = harness("run", "scenarios", "--solutions", "bad", "--out", "bad-out", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    results = json.loads((project / "bad-out" / "results.json").read_text())
    return {entry["submitter"]: entry for entry in results["submissions"]}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-code", "code"),
        ("does-not-parse", "does not parse: line 1"),
        ("raises-on-import", "not today"),
        ("lacks-the-entry-point", "does not define clipped_double"),
        ("another-signature", "signature"),
        ("exits", "leaves the interpreter"),
        ("leaves-without-a-word", "exit status 0"),
        ("loops-for-ever", "CPU time"),
        ("allocates-64-gb", "memory"),
        ("fills-the-disk", "No space left"),
        ("empty", "empty"),
        ("not-utf-8", "UTF-8"),
    ],
)
def test_a_bad_submission_fails_and_its_author_is_told_why(
    bad: dict[str, dict[str, Any]], name: str, words: str
) -> None:
    assert bad[name]["outcome"] == "failed"
    assert words in bad[name]["reason"]


def test_a_submission_that_prints_100_mb_is_graded_all_the_same(
    bad: dict[str, dict[str, Any]],
) -> None:
    assert bad["prints-a-lot"]["outcome"] == "passed", bad["prints-a-lot"]["reason"]


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """A project of one's own to damage."""
    for name in ("scenarios", "solutions"):
        shutil.copytree(project / name, tmp_path / name)
    return tmp_path


def test_a_second_run_takes_every_grade_from_the_ledger(copy: Path) -> None:
    first = harness("run", "scenarios", cwd=copy)
    assert first.returncode == 0, first.stderr
    assert "2 submissions (0 from the ledger, 2 graded now): 1 right, 1 wrong" in first.stdout
    assert (copy / "reports" / "latest" / "report.html").is_file()
    second = harness("run", "scenarios", cwd=copy)
    assert "(2 from the ledger, 0 graded now)" in second.stdout
    third = harness("run", "scenarios", "--fresh", cwd=copy)
    assert "(0 from the ledger, 2 graded now)" in third.stdout
    seeds = {
        json.loads(path.read_text())["run"]["seed"]
        for path in (copy / "reports").glob("2*/results.json")
    }
    assert len(seeds) == 2


def test_gates_and_filters_set_the_exit_status(copy: Path) -> None:
    assert harness("run", "scenarios", "--fail-under", "80", cwd=copy).returncode == 1
    only_good = harness("run", "scenarios", "--arm", "good", "--fail-under", "80", cwd=copy)
    assert only_good.returncode == 0, only_good.stdout
    both = ("--gate", "held[good]>=1", "--gate", "right<0.6")
    by_arm = harness("run", "scenarios", *both, cwd=copy)
    assert by_arm.returncode == 0, by_arm.stdout
    assert "gate held[good]>=1 passed: 1 of 1" in by_arm.stdout
    earlier = harness("run", "scenarios", "--gate", "no-regression", cwd=copy)
    assert earlier.returncode == 2
    assert "harness compare BEFORE AFTER" in earlier.stderr
    nothing = harness("run", "scenarios", "--only", "memory-relu", cwd=copy)
    assert nothing.returncode == 4
    assert "--only memory-relu" in nothing.stderr
    unknown = harness("run", "scenarios", "--arm", "goood", cwd=copy)
    assert unknown.returncode == 2
    assert "The arms are bad, good" in unknown.stderr


def test_two_runs_at_once_share_one_ledger(copy: Path) -> None:
    command = [sys.executable, "-m", "harness", "run", "scenarios", "--out"]
    runs = [
        subprocess.Popen(
            [*command, f"out{n}"],
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in (1, 2)
    ]
    for run in runs:
        out, err = run.communicate(timeout=240)
        assert run.returncode == 0, err
        assert "1 right, 1 wrong" in out
    one, two = (json.loads((copy / f"out{n}" / "results.json").read_text()) for n in (1, 2))
    assert one["run"]["seed"] == two["run"]["seed"]


def test_ctrl_c_keeps_what_was_graded_and_the_next_run_goes_on(copy: Path) -> None:
    _answer(copy, 20)
    kept = _interrupt(copy)
    assert 2 <= kept < 20
    rest = harness("run", "scenarios", cwd=copy)
    assert f"20 submissions ({kept} from the ledger, {20 - kept} graded now)" in rest.stdout


@pytest.mark.parametrize(
    "seed",
    [pytest.param((), id="new seed", marks=pytest.mark.slow), ("--seed", "5")],
)
def test_an_interrupted_fresh_run_goes_on_with_what_it_has_graded(
    copy: Path, seed: tuple[str, ...]
) -> None:
    _answer(copy, 6)
    ledger = copy / "reports" / "ledger.sqlite"
    assert harness("run", "scenarios", *seed, cwd=copy).returncode == 0
    with sqlite3.connect(ledger) as connection:
        connection.execute(f"UPDATE grade SET record = json_set(record, '$.wall_s', {OLD_S}.5)")
    kept = _interrupt(copy, "--fresh", *seed)
    assert 2 <= kept < 6
    for known in (kept, 0):
        rest = harness("run", "scenarios", "--fresh", *seed, "--out", "out", cwd=copy)
        assert f"6 submissions ({known} from the ledger, {6 - known} graded now)" in rest.stdout
        assert ("going on with a fresh run" in rest.stderr) == (known > 0)
        graded = json.loads((copy / "out" / "results.json").read_text())["submissions"]
        assert all(entry["wall_s"] < OLD_S for entry in graded)
    assert "(6 from the ledger" in harness("run", "scenarios", *seed, cwd=copy).stdout


# Longer than any grade takes.
OLD_S = 1000


def _answer(project: Path, count: int) -> None:
    """Right answers beside the two of the project, so that it has ``count``."""
    folder = project / "solutions" / "good" / "me" / "clipped-gradient"
    folder.mkdir()
    for n in range(2, count):
        (folder / f"{n}.py").write_text(f"{RIGHT}\n# variant {n}\n")


def _interrupt(project: Path, *options: str) -> int:
    """Send Ctrl-C to a run that has graded a few; how many it has kept."""
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "scenarios", "-j", "1", *options],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ledger = project / "reports" / "ledger.sqlite"
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and _kept(ledger) < 2:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted after" in err
    return _kept(ledger)


# A phase of a command: the function that it has got to, which is made to wait for ever.
STOPPED = """
import importlib, sys, time

def stop(*_, **__):
    print("here", flush=True)
    time.sleep(120)

module, name = sys.argv.pop(1).split(":")
setattr(importlib.import_module(module), name, stop)
from harness.cli import main
main()
"""
CLIPPED = ["solutions/good/me/clipped-gradient.py", "--scenario", "clipped-gradient"]


@pytest.mark.parametrize(
    ("phase", "command"),
    [
        ("harness.run.select:select", ["run", "scenarios"]),
        ("harness.report:write_reports", ["run", "scenarios", "--only", "good/*"]),
        ("harness.read.scenarios:load", ["grade", *CLIPPED]),
        ("harness.run.pool:grade_all", ["grade", *CLIPPED]),
        ("harness.read.scenarios:load", ["validate", "scenarios"]),
        ("harness.run.prove:reference_of", ["validate", "scenarios"]),
        ("harness.results:read_results", ["report", "out"]),
        ("harness.report:write_reports", ["report", "out", "--out", "again"]),
        ("harness.run.regrade:regrade", ["regrade", "out"]),
        ("harness.sandbox.doctor:examine", ["doctor"]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_ctrl_c_ends_every_command_in_every_phase_with_130(
    copy: Path, graded: Path, phase: str, command: list[str]
) -> None:
    shutil.copytree(graded, copy / "out")
    before = {file: file.read_bytes() for file in (copy / "out").iterdir()}
    run = subprocess.Popen(
        [sys.executable, "-c", STOPPED, phase, *command],
        cwd=copy,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    while run.stdout.readline() not in ("here\n", ""):
        pass
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert err.strip().splitlines()[-1].startswith("harness: interrupted"), err
    assert "Traceback" not in err
    assert {file: file.read_bytes() for file in (copy / "out").iterdir()} == before


@pytest.fixture(scope="module")
def graded(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run: one right answer, one wrong one."""
    out = tmp_path_factory.mktemp("graded") / "out"
    done = harness("run", "scenarios", "--out", out, "--ledger", out.parent / "l", cwd=project)
    assert done.returncode == 0, done.stderr
    return out


RAISING = STOPPED.replace('print("here", flush=True)', 'raise IndexError("of ours")')


@pytest.mark.parametrize(
    ("phase", "command"),
    [
        ("harness.report:write_reports", ["run", "scenarios", "--only", "good/*"]),
        ("harness.run.pool:grade_all", ["grade", *CLIPPED]),
        ("harness.report:write_reports", ["report", "out", "--out", "again"]),
        ("harness.run.regrade:regrade", ["regrade", "out"]),
    ],
)
def test_an_exception_of_ours_is_never_a_failed_gate(
    copy: Path, graded: Path, phase: str, command: list[str]
) -> None:
    shutil.copytree(graded, copy / "out")
    done = subprocess.run(
        [sys.executable, "-c", RAISING, phase, *command],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    first, second, *_ = done.stderr.strip().splitlines()
    assert first.startswith("harness: internal error: IndexError: of ours. This is a fault of")
    assert second == "Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["grade", CLIPPED[0].replace("good", "bad"), *CLIPPED[1:]], 1),
        (["run", "scenarios", "--fail-under", "80"], 1),
        (["validate", "scenarios", "--solutions", "solutions"], 2),
        (["report", "out"], 0),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_the_exit_status_is_the_same_where_the_reader_of_the_output_has_gone(
    copy: Path, graded: Path, command: list[str], status: int
) -> None:
    shutil.copytree(graded, copy / "out")
    reading, writing = os.pipe()
    os.close(reading)
    for errors in [subprocess.PIPE, *([writing] if command[0] == "run" else [])]:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *command],
            cwd=copy,
            stdout=writing,
            stderr=errors,
            timeout=240,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert not done.stderr or b"Error" not in done.stderr
    os.close(writing)


def test_a_folder_stands_for_the_results_in_it(copy: Path, graded: Path) -> None:
    shutil.copytree(graded, copy / "out")
    (copy / "out" / "report.md").unlink()
    done = harness("report", "out", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert (copy / "out" / "report.md").is_file()
    assert harness("regrade", "out", cwd=copy).returncode == 0
    missing = harness("report", "scenarios", cwd=copy)
    assert missing.returncode == 2
    assert "scenarios/results.json" in missing.stderr


def _kept(ledger: Path) -> int:
    """How many grades the ledger has that are not marked as old."""
    if not ledger.exists():
        return 0
    new = f"SELECT count(*) FROM grade WHERE json_extract(record, '$.wall_s') < {OLD_S}"
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
            return int(connection.execute(new).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_nothing_is_left_running_after_a_run(copy: Path) -> None:
    # The sandbox's folder, and with it the command lines of its processes, lies in here.
    (copy / "t").mkdir()
    command = [sys.executable, "-m", "harness", "run", "scenarios"]
    with subprocess.Popen(
        command,
        cwd=copy,
        env={**os.environ, "TMPDIR": str(copy / "t")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        seen = False
        while run.poll() is None:
            seen = seen or bool(_running_in(copy / "t"))
            time.sleep(0.05)
    assert seen
    assert not _running_in(copy / "t")
    # What torch caches there for itself is not ours.
    assert not list((copy / "t").glob("py*"))


def _running_in(folder: Path) -> list[str]:
    """Processes whose command line names ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(entry.name)
    return found


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text.replace("phase:", "phaze:"), "Did you mean 'phase'"),
        (lambda text: text + "\tx: 1\n", "tab"),
        (lambda text: text.replace("title:", "title: [1, 2] #"), "title"),
        (
            lambda text: text.replace("id: clipped-gradient", "id: clipped-gradent"),
            "clipped-gradient",
        ),
        (lambda text: "a: &a [x]\nb: [*a, *a]\n" + text, "alias"),
        (lambda text: text.replace("vjp", "vjpp", 1), "'vjp'"),
    ],
    ids=["misspelt key", "tab", "wrong type", "other id", "alias bomb", "unknown check"],
)
def test_a_broken_scenario_is_explained_with_file_and_line(
    copy: Path, damage: Any, words: str
) -> None:
    file = copy / "scenarios" / "custom-autograd-functions" / "clipped-gradient.yaml"
    file.write_text(damage(file.read_text()))
    done = harness("run", "scenarios", cwd=copy)
    assert done.returncode == 2, done.stderr
    assert "clipped-gradient.yaml" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scenario_without_oracle_names_the_function_to_write(copy: Path) -> None:
    oracles = copy / "scenarios" / "custom-autograd-functions" / "oracles.py"
    oracles.write_text(oracles.read_text().replace("def clipped_double(", "def clipped_doubel("))
    done = harness("run", "scenarios", cwd=copy)
    assert done.returncode == 2
    assert "Define a function clipped_double in" in done.stderr


def test_a_file_of_an_unknown_scenario_is_named_with_the_nearest_id(copy: Path) -> None:
    (copy / "solutions" / "good" / "me" / "clipped-gradiant.py").write_text(RIGHT)
    done = harness("run", "scenarios", cwd=copy)
    assert done.returncode == 2
    assert "unknown scenario 'clipped-gradiant'. Did you mean 'clipped-gradient'?" in done.stderr
    # One bad name keeps no other answer from its grade.
    assert "2 submissions (0 from the ledger, 2 graded now)" in done.stdout
    assert (copy / "reports" / "latest" / "report.html").is_file()


def test_a_missing_solutions_folder_says_which_option_to_use(copy: Path) -> None:
    shutil.rmtree(copy / "solutions")
    done = harness("run", "scenarios", cwd=copy)
    assert done.returncode == 2
    assert "--solutions" in done.stderr


def test_an_unwritable_output_folder_is_found_before_anything_is_graded(copy: Path) -> None:
    (copy / "file").write_text("in the way")
    done = harness("run", "scenarios", "--out", "file/below", cwd=copy)
    assert done.returncode == 2
    assert "choose another folder with --out" in done.stderr


def test_a_damaged_ledger_is_left_as_it_is(copy: Path) -> None:
    ledger = copy / "reports" / "ledger.sqlite"
    ledger.parent.mkdir()
    ledger.write_bytes(b"not a database at all" * 100)
    done = harness("run", "scenarios", cwd=copy)
    assert done.returncode == 3
    assert "ledger.sqlite" in done.stderr
    assert ledger.read_bytes() == b"not a database at all" * 100


def test_results_of_an_unknown_version_are_refused(copy: Path) -> None:
    (copy / "results.json").write_text(json.dumps({"schema_version": 99}))
    done = harness("report", "results.json", cwd=copy)
    assert done.returncode == 2
    assert "99" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_can_be_rendered_again(copy: Path) -> None:
    assert harness("run", "scenarios", "--out", "out", cwd=copy).returncode == 0
    before = (copy / "out" / "report.html").read_text()
    (copy / "out" / "report.html").unlink()
    done = harness("report", "out/results.json", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert (copy / "out" / "report.html").read_text() == before


def test_grade_shows_every_check_of_one_solution(copy: Path) -> None:
    right = harness(
        "grade", "solutions/good/me/clipped-gradient.py", "--scenario", "clipped-gradient", cwd=copy
    )
    assert right.returncode == 0, right.stderr
    for kind in ("vjp", "gradcheck_must_fail", "hand_written", "no_mutation"):
        assert kind in right.stdout
    wrong = harness(
        "grade", "solutions/bad/me/clipped-gradient.py", "--scenario", "clipped-gradient", cwd=copy
    )
    assert wrong.returncode == 1
    unknown = harness(
        "grade", "solutions/bad/me/clipped-gradient.py", "--scenario", "clip", cwd=copy
    )
    assert unknown.returncode == 2
    assert "clipped-gradient" in unknown.stderr


WITHOUT_TORCH = """
import sys
from harness.cli import main

try:
    main(sys.argv[1:])
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def test_no_command_that_grades_or_reports_imports_torch_itself(copy: Path) -> None:
    file = "solutions/good/me/clipped-gradient.py"
    for command in (
        ["grade", file, "--scenario", "clipped-gradient"],
        ["run", "scenarios", "--arm", "good", "--out", "out"],
        ["report", "out/results.json"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, *command],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1] == "False", command


def test_validate_notices_a_scenario_that_cannot_tell_right_from_wrong(copy: Path) -> None:
    shutil.copytree(ROOT / "skills", copy / "skills")
    reference = copy / "solutions" / "reference" / "harness"
    reference.mkdir(parents=True)
    for name in ("clipped-gradient", "memory-relu"):
        shutil.copy(ROOT / f"solutions/reference/harness/{name}.py", reference)
    good = harness("validate", "scenarios", cwd=copy)
    assert good.returncode == 0, good.stdout + good.stderr
    file = copy / "scenarios" / "custom-autograd-functions" / "clipped-gradient.yaml"
    head, _ = file.read_text().split("\nchecks:\n")
    file.write_text(head + "\nchecks:\n  - forward\n")
    lax = harness("validate", "scenarios", cwd=copy)
    assert lax.returncode == 2
    assert "constant gradient is accepted" in lax.stdout


def test_doctor_names_each_layer_and_the_tier() -> None:
    done = harness("doctor", cwd=ROOT)
    assert done.returncode == 0
    for word in ("namespaces", "landlock", "seccomp", "✓ candidate:", "time limits", "tier "):
        assert word in done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="needs to take a mechanism away")
def test_a_machine_that_cannot_confine_is_refused(copy: Path) -> None:
    done = harness("run", "scenarios", "--tier", "C", cwd=copy)
    assert done.returncode == 3
    assert "--allow-unsandboxed" in done.stderr
    allowed = harness("run", "scenarios", "--tier", "C", "--allow-unsandboxed", cwd=copy)
    assert allowed.returncode == 0, allowed.stderr


def test_a_message_fits_the_terminal_and_what_is_to_be_copied_stays_in_one_piece(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a-name-that-is-longer-than-the-terminal-is-wide" / "scenarios"
    lines = said_to_a_terminal("run", str(folder), cwd=tmp_path, columns=50)
    assert len(lines) > 1
    assert any(str(folder) in line for line in lines)
    assert all(len(line) <= 50 for line in lines if str(folder) not in line)
    (tmp_path / "results.json").write_text("{}")
    lines = said_to_a_terminal("report", "results.json", cwd=tmp_path, columns=50)
    assert any("`harness run`" in line for line in lines)
    # Elsewhere each message is a line, to be searched for.
    told = harness("report", "results.json", cwd=tmp_path).stderr
    assert told.split() == " ".join(lines).split()
    assert told.count("\n") == 1


def said_to_a_terminal(*arguments: str, cwd: Path, columns: int) -> list[str]:
    """The lines that a command writes to a terminal of that width."""
    ours, theirs = os.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=cwd,
            env={**os.environ, "COLUMNS": str(columns)},
            stderr=theirs,
            check=False,
        )
        return os.read(ours, 10_000).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)
