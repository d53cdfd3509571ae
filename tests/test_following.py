"""What a transcript's files hold at its end: followed, seen again, or ungraded with the step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_recorded import CHECK, OP, SAYS, edit, ran, say, use, verified, write

from harness.model import ClaimVerdict, Edit, Level, Step, StepKind, Submission, Transcript
from harness.read.submissions import Asked, read_one
from harness.read.transcripts import replay, shell
from harness.read.transcripts.editing import substituted
from harness.verification.ending import _plain

WRONG = OP.replace("return g * 2", "return g")
DIFF = (
    "--- a/op.py\n+++ b/op.py\n@@ -11,2 +11,2 @@\n     def backward(ctx, g):\n-        return g\n"
)
DIFF += "+        return g * 2\n"


def taken(folder: Path, *parts: list[dict[str, Any]]) -> Submission:
    path = folder / "t.json"
    path.write_text(json.dumps([message for part in parts for message in part]))
    return read_one(path, "s", ("op",))


@pytest.mark.parametrize(
    "steps",
    [
        [write(WRONG), ran("sed -i 's/return g$/return g * 2/' op.py", "")],
        [write(WRONG), ran("sed -i -e '11s/return g/return g * 2/' /w/op.py", "")],
        [write(WRONG), ran("sed -i '' 's|return g$|return g * 2|g' op.py", "")],
        [write(WRONG), ran(f"git apply <<'EOF'\n{DIFF}EOF", "")],
        [write(WRONG), ran(f"cd /w && patch -p1 <<'EOF'\n{DIFF}EOF", "")],
        [write(OP, "draft.py"), ran("cd /w && mv draft.py op.py", "")],
        [write(OP, "draft.py"), write(WRONG), ran("cp draft.py op.py", "")],
        [write(WRONG, "op_old.py"), write(OP), ran("rm op_old.py", "")],
        [write(WRONG), ran("/usr/bin/sed -i 's/return g$/return g * 2/' op.py", "")],
        [
            write(OP),
            write(WRONG, "mutant.py"),
            ran("python mutant.py", "", True),
            say("See op.py."),
        ],
        [write(OP), write(WRONG, "mutant.py"), ran('python -c "import op"', "", False)],
        [write(OP), ran("find . -name __pycache__ -exec rm -rf {} +", "")],
        [write(OP), ran("find . -name '*.py' | xargs wc -l", "11 op.py")],
        [write(OP[:200], "a.py"), write(OP[200:], "b.py"), ran("cat a.py b.py > op.py", "")],
        [
            write(WRONG),
            ran("black op.py && git commit -qam x", ""),
            edit("return g", "return g * 2"),
        ],
        [write(WRONG), ran("perl -pi -e 's/g$/g * 2/' op.py", ""), ran("cat op.py", OP)],
        [write(WRONG), use({"patch": "…"}, "edited op.py"), ran("cat /w/op.py", OP)],
        [write(WRONG), ran("python fix.py && perl -i x op.py", "", True), write(OP)],
    ],
)
def test_changes_are_followed_or_seen_again(
    steps: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    found = taken(tmp_path, *steps)
    assert found.unread is None
    assert found.code is not None
    assert found.code.strip() == OP.strip()


@pytest.mark.parametrize(
    ("steps", "step"),
    [
        ([write(WRONG), ran("perl -pi -e 's/g$/g * 2/' op.py", "")], "step 3 (perl -pi"),
        ([write(WRONG), ran("sed -i 's/\\(return\\) g/\\1 g * 2/' op.py", "")], "step 3 (sed -i"),
        ([write(WRONG), ran("git stash pop", "")], "step 3 (git stash pop)"),
        ([write(WRONG), ran("git -C . checkout -- op.py", "")], "step 3 (git -C"),
        ([write(WRONG), ran("grep -rl g . | xargs sed -i 's/g/h/'", "")], "step 3 (xargs"),
        ([write(WRONG), ran("find . -name op.py -exec sed -i s/g/h/ {} +", "")], "step 3 (find"),
        ([write(WRONG), ran("for f in $(ls); do sed -i 's/g/h/' $f; done", "")], "step 3 (sed"),
        ([write(WRONG), ran("python - <<'E'\nopen('op.py', 'w').write('x')\nE", "")], "step 3 (Py"),
        ([write("open('op.py', 'w').write(T)", "gen.py"), ran("python gen.py", "")], "step 3 (Py"),
        ([write(WRONG), ran("python gen.py > op.py", "")], "step 3 (python gen.py"),
        ([write(WRONG), ran("cat > op.py <<E\n$CODE\nE", "")], "step 3 (a file with text"),
        ([write(WRONG), ran(f"test -f x || cat > op.py <<'E'\n{OP}E", "")], "step 3 (a c"),
        ([write(WRONG), edit("return 2", "return g * 2")], "step 3 (an edit whose old text"),
        ([edit("return g", "return g * 2")], "step 1 (an edit of a file that was not seen"),
        ([write(WRONG), use({"patch": "…"}, "edited op.py")], "step 3 (a call of tool"),
        ([use({"thing": 1}, "ok")], "step 1 (a call of tool"),
    ],
)
def test_what_cannot_be_followed_is_ungraded_and_names_the_step(
    steps: list[list[dict[str, Any]]], step: str, tmp_path: Path
) -> None:
    found = taken(tmp_path, *steps)
    assert found.unread is not None
    assert step in found.unread
    assert found.unread.endswith(f"{tmp_path}/t/files/")


@pytest.mark.parametrize(
    "steps",
    [
        [write(), ran("git diff; git status; git checkout -b work; ls *.py | wc -l", "")],
        [write(), ran("sed -i 's/a/b/' notes.md; perl -pi -e s/a/b/ README.md", "")],
        [write(), write("x = 1\n", "other.py"), ran("perl -pi -e s/a/b/ other.py", "")],
        [write(), use({"query": "torch"}, "Found it")],
        [write(), ran("python - <<'E'\nopen('log.txt', 'w').write('op.py is done')\nE", "")],
        [write(), ran("perl -pi -e s/a/b/ op.py", "", True)],
    ],
)
def test_what_does_not_concern_the_code_does_not_matter(
    steps: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    found = taken(tmp_path, *steps)
    assert (found.unread, found.code) == (None, OP)


def test_a_run_between_an_unknown_change_and_its_being_shown_saw_what_was_shown(
    tmp_path: Path,
) -> None:
    change = ran("perl -pi -e 's/g$/g * 2/' op.py", "")
    checked = ran(f"python - <<'EOF'\n{CHECK}EOF")
    seen = verified(tmp_path, write(WRONG), change, checked, ran("cat op.py", OP))
    assert seen.level is Level.RAN_EACH
    before = verified(tmp_path, write(WRONG), checked, change, ran("cat op.py", OP))
    assert not before.level.reaches(Level.RAN)


def test_files_that_were_left_on_disk_win_over_what_the_transcript_shows(tmp_path: Path) -> None:
    steps = write(WRONG), ran("perl -pi -e 's/g$/g * 2/' op.py", ""), ran(f"{RUN}")
    alone = taken(tmp_path, *steps)
    assert alone.unread is not None
    (tmp_path / "t/files/src").mkdir(parents=True)
    (tmp_path / "t/files/op.py").write_text(OP)
    (tmp_path / "t/files/src/link.py").symlink_to("/etc/passwd")
    found = taken(tmp_path, *steps)
    assert (found.unread, found.code) == (None, OP)
    assert found.sha256 != alone.sha256
    assert verified(tmp_path, *steps).level is Level.RAN_EACH
    (tmp_path / "t/files/op.py").write_text(OP + "# more\n")
    assert taken(tmp_path, *steps).sha256 not in (found.sha256, alone.sha256)


RUN = f"python - <<'EOF'\n{CHECK}EOF"


@pytest.mark.parametrize(
    ("expression", "before", "after"),
    [
        ("s/a/b/", "a a\na\n", "b a\nb\n"),
        ("s/a/b/g", "a a\n", "b b\n"),
        ("2s/a/b/", "a\na\n", "a\nb\n"),
        ("1,2d", "a\nb\nc\n", "c\n"),
        ("$d", "a\nb\n", "a\n"),
        ("/x/d", "ax\nb\n", "b\n"),
        ("/b/s/a/c/", "a\nab\n", "a\ncb\n"),
        ("s/x \\* y/x + y/", "x * y\n", "x + y\n"),
        ("s/f(x)/f(&)/", "f(x)\n", "f(f(x))\n"),
        ("s#a/b#c#", "a/b\n", "c\n"),
        ("s/a.*z/-/", "abcz!\n", "-!\n"),
        ("s/a/b\\nc/", "a\n", "b\nc\n"),
        ("s/[ab]/c/g", "ab\n", "cc\n"),
        ("s/\\(a\\)/\\1/", "a\n", None),
        ("5i\\text", "a\n", None),
        ("y/a/b/", "a\n", None),
        ("s/a/b/e", "a\n", None),
        ("s/[z-a]/b/", "a\n", None),
    ],
)
def test_plain_substitutions_are_made_and_others_are_not(
    expression: str, before: str, after: str | None
) -> None:
    assert substituted(before, [expression], extended=False) == after


# --------------------------------------------------------------------------
# Claims


def test_all_of_several_are_verified_only_where_each_is(tmp_path: Path) -> None:
    other = OP.replace("import torch\n", "").replace("Op", "Other").replace("op(", "other(")
    steps = write(OP + other), ran(RUN)
    every = verified(tmp_path, *steps, say("Both gradients are verified."), names=("op", "other"))
    assert [claim.verdict for claim in every.claims] == [ClaimVerdict.UNSUPPORTED]
    one = verified(tmp_path, *steps, say("I ran gradcheck on op."), names=("op", "other"))
    assert [claim.verdict for claim in one.claims] == [ClaimVerdict.TRUE]


@pytest.mark.parametrize(
    ("between", "verdict"),
    [
        (ran("ls"), ClaimVerdict.FALSE),
        (use({"thing": 1}, "ok"), ClaimVerdict.UNSUPPORTED),
        (ran("make test"), ClaimVerdict.UNSUPPORTED),
        (ran("bash run_tests.sh"), ClaimVerdict.UNSUPPORTED),
        (ran("python checks_that_were_there.py"), ClaimVerdict.UNSUPPORTED),
    ],
)
def test_a_claim_is_false_only_where_all_that_was_done_is_understood(
    between: list[Any], verdict: ClaimVerdict, tmp_path: Path
) -> None:
    found = verified(tmp_path, write(), ran("ls"), between, say("I ran gradcheck on it."))
    assert [claim.verdict for claim in found.claims] == [verdict]
    if verdict is not ClaimVerdict.FALSE:
        assert "it is not known whether a check was run" in found.reason


# --------------------------------------------------------------------------
# Tests as files


def test_scripts_arguments_and_choices_of_tests_are_kept(tmp_path: Path) -> None:
    tests = "from op import *\nimport torch\n\ndef test_op():\n    assert op\n\n"
    tests += "def test_other():\n    assert torch\n"
    steps = [
        write(),
        write(CHECK, "check.py"),
        write(tests, "test_op.py"),
        write("set -e\npython check.py --fast 3\n", "run.sh"),
        ran("bash run.sh"),
        ran("pytest -q test_op.py -k 'op and not other'", "1 passed in 0.1s"),
        ran("python check.py 2>&1 | tail -3"),
        ran(f"cat > more.py <<'EOF'\n{CHECK}EOF\npython more.py; rm more.py"),
    ]
    found = {file.path: file for file in taken(tmp_path, *steps).tests}
    (chosen,) = [file for file in found.values() if file.runner == "pytest"]
    assert "def test_other" not in chosen.code
    assert "def test_op" in chosen.code
    given = [file for file in found.values() if file.arguments]
    assert [file.arguments for file in given] == [("--fast", "3")]
    assert "more.py" in found
    assert all("class Op" in file.code for file in found.values())


def test_a_shell_function_s_output_is_not_that_of_python(tmp_path: Path) -> None:
    fake = f"python() {{ echo '{SAYS}'; }}"
    assert not taken(tmp_path, write(), ran(f"{fake}\n{RUN}")).tests
    again = f"{fake}\nunset -f python"
    assert taken(tmp_path, write(), ran(again, ""), ran(RUN)).tests


# --------------------------------------------------------------------------
# Transcripts that are made to keep the grader busy


@pytest.mark.parametrize(
    "commands",
    [
        ["cat > b.py <<'EOF'\n" + "x = 1\n" * 350_000 + "EOF\npython b.py"],
        ["echo " + "a b " * 500_000],
        ["(" * 390_000],
        ["$(" * 190_000],
        ["a=xxxxxxxxxx\n" + "a=$a$a\n" * 100 + "python $a"],
        ["f0() { a; }\n" + "".join(f"f{n}() {{ f{n - 1}; f{n - 1}; }}\n" for n in range(1, 40))],
        ["python c.py && " * 398 + "true"] * 50,
        ["cd /w && " + "ls; " * 90 + "python c.py"] * 2_000,
        ["sed -i 's/x.*1/x=1/g' op.py"] * 2_000,
    ],
)  # fmt: skip
def test_commands_are_read_as_far_as_a_person_would_write_them(commands: list[str]) -> None:
    wrote = Step(StepKind.WROTE, 1, OP + "x=1\n" * 5_000, "op.py")
    steps = [
        Step(StepKind.RAN, n, text, output="", failed=False) for n, text in enumerate(commands)
    ]
    played = replay(Transcript((wrote, *steps), "openai"))
    assert len(played.runs) <= 100


def test_what_became_of_a_part_is_worked_out_from_the_whole() -> None:
    def became(command: str, passed: bool | None) -> set[str]:
        read = shell.read(command)
        (part,) = {n for n, action in read.actions if isinstance(action, shell.PythonRun)}
        return set(read.became(part, passed))

    assert became("cd /w && python a.py", True) == {"ok"}
    assert became("cd /w && python a.py", False) == {"fail"}
    assert became("python a.py || exit 1; ls", True) == {"ok"}
    assert became("set -e; python a.py; ls", True) == {"ok"}
    assert became("set -o pipefail; python a.py | tail -1", True) == {"ok"}
    assert became("python a.py | tail -1", True) == {"ok", "fail"}
    assert became("python a.py || true", True) == {"ok", "fail"}
    assert became("python a.py; x", True) == {"ok", "fail"}
    assert became("! python a.py", True) == {"fail"}
    assert became("test -f b && python a.py", True) == {"ok"}
    assert became("test -f b || python a.py", True) == {"not", "ok"}
    assert became("if test -f b; then python a.py; fi", True) == {"not", "ok"}
    assert became("if python a.py; then true; else exit 1; fi", True) == {"ok"}
    assert became("while true; do python a.py && break; done", None) == {"not", "ok", "fail"}
    assert became("for i in 1; do python a.py; done", True) == {"ok"}
    assert became("(python a.py) && ls", True) == {"ok"}
    assert became("bash -c 'python a.py'", True) == {"ok"}
    assert became("X=$(python a.py) && ls", True) == {"ok"}
    assert became("case x in x) python a.py;; esac", True) == {"not", "ok"}
    assert became("python a.py & wait", True) == {"started"}
    assert became("false && python a.py; ls", True) == {"not"}
    assert became("exit 0; python a.py", True) == {"not"}
    assert became("trap 'exit 0' EXIT; python a.py", True) == {"ok", "fail"}


def test_an_insertion_of_nothing_old_writes_a_new_file() -> None:
    step = Step(StepKind.EDITED, 1, path="a.py", edits=(Edit("", "x = 1\n"),))
    assert replay(Transcript((step,), "openai")).files == {"a.py": "x = 1\n"}


@pytest.mark.parametrize(
    "command",
    [
        "command -v pytest",
        "pytest -V",
        "python -m pytest --help",
        "pytest --setup-only",
        "bash -n check.sh",
        "PYTEST_ADDOPTS='-k forward' pytest -q",
        "pytest -qm fast",
    ],
)
def test_looking_for_a_test_runner_or_leaving_tests_out_runs_no_check(command: str) -> None:
    runs = [a for _, a in shell.read(command).actions if isinstance(a, shell.PythonRun)]
    assert all(run.void for run in runs)


def test_short_options_that_are_joined_still_choose_tests() -> None:
    ((_, run),) = shell.read("pytest -qkforward test_op.py").actions
    assert isinstance(run, shell.PythonRun)
    assert (run.only, run.paths) == ("forward", ("test_op.py",))


def test_files_that_give_one_name_to_two_things_are_ungraded(tmp_path: Path) -> None:
    beside = "def op(x):\n    return x\n"
    found = taken(tmp_path, write(beside, "parts.py"), write(f"import parts\n{OP}"))
    assert found.unread is None  # nobody says what the request provides
    path = tmp_path / "t.json"
    found = read_one(path, "s", Asked(("op",), ()))
    assert found.unread is not None
    assert "op is not the same in all of" in found.unread


def test_a_count_that_is_not_full_is_another_line() -> None:
    assert _plain("3/3 checks passed in 0.2 s") == _plain("5/5 checks passed in 1.4 s")
    assert _plain("0/3 checks passed") != _plain("3/3 checks passed")
