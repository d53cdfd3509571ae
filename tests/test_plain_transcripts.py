"""Tests of a plain function that a transcript shows to be run verify it, if they notice changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.grading import page
from harness.grading.plan import Plan
from harness.model import EventKind, Grade, Level, Outcome
from harness.read.submissions import read_one

RIGHT = '''"""Closed intervals."""


def merge_intervals(intervals):
    if any(low > high for low, high in intervals):
        raise ValueError("low above high")
    merged = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1]:
            low, high = merged[-1][0], max(high, merged.pop()[1])
        merged.append((low, high))
    return merged
'''
STUB = "def merge_intervals(intervals):\n    raise NotImplementedError\n"
# Wrong where one lies within another.
DRAFT = RIGHT.replace("max(high, merged.pop()[1])", "merged.pop() and high")
CASES = """
    assert merge_intervals([]) == []
    assert merge_intervals([(1, 2), (3, 4)]) == [(1, 2), (3, 4)]
    assert merge_intervals([(2, 4), (1, 2)]) == [(1, 4)]
    assert merge_intervals([(0, 9), (2, 3), (12, 13)]) == [(0, 9), (12, 13)]
    assert merge_intervals([(1, 1)]) == [(1, 1)]
    try:
        merge_intervals([(0, 1), (3, 2)])
    except ValueError:
        pass
    else:
        raise AssertionError("not refused")
"""
IMPORT = "from intervals import merge_intervals\n\n\n"
TEST = f"{IMPORT}def test_merges():{CASES}"
SCRIPT = IMPORT + "\n".join(line[4:] for line in CASES.split("\n")) + "print('all merged')\n"
UNITTEST = (
    f"import unittest\n{IMPORT}class Merges(unittest.TestCase):\n    def test_merges(self):"
    + CASES.replace("\n    ", "\n        ")
)
# What looks thorough and holds for nearly anything.
HOLLOW = f"""import pytest
{IMPORT}@pytest.mark.parametrize("intervals", [[], [(1, 2)], [(1, 2), (3, 4)], [(0, 9), (2, 3)]])
def test_shape(intervals):
    merged = merge_intervals(intervals)
    assert isinstance(merged, list)
    assert len(merged) <= len(intervals)
    assert all(isinstance(pair, tuple) for pair in merged)
"""
Step = tuple[Any, ...]


def wrote(content: str = RIGHT, path: str = "intervals.py") -> Step:
    return "write", {"file_path": f"/w/{path}", "content": content}, "written", None


def with_tests(content: str = TEST, path: str = "test_intervals.py") -> Step:
    return wrote(content, path)


def ran(command: str, output: str, status: int = 0) -> Step:
    return "Bash", {"command": command}, output, status


RED = ran("pytest -q", "E   NotImplementedError\n1 failed in 0.02s", 1)
GREEN = ran("pytest -q", "1 passed in 0.02s")


def messages(steps: Sequence[Step]) -> bytes:
    told: list[Any] = [{"role": "user", "content": "Please merge."}]
    for n, (name, given, output, status) in enumerate(steps):
        name = "Write" if name == "write" else name
        back = {"type": "tool_result", "tool_use_id": f"t{n}", "content": output}
        failed = {} if status is None else {"is_error": status != 0}
        call = {"type": "tool_use", "id": f"t{n}", "name": name, "input": given}
        told.append({"role": "assistant", "content": [call]})
        told.append({"role": "user", "content": [{**back, **failed}]})
    told.append({"role": "assistant", "content": [{"type": "text", "text": "Done."}]})
    return json.dumps({"messages": told}).encode()


def chat(steps: Sequence[Step]) -> bytes:
    told: list[Any] = [{"role": "user", "content": "Please merge."}]
    for n, (name, given, output, status) in enumerate(steps):
        name, given = ("bash", given) if name == "Bash" else ("write_file", {
            "path": given["file_path"], "content": given["content"]})  # fmt: skip
        call = {"name": name, "arguments": json.dumps(given)}
        told.append({"role": "assistant", "content": None, "tool_calls": [
            {"id": f"t{n}", "type": "function", "function": call}]})  # fmt: skip
        code = "" if status is None else f"exit code: {status}\n"
        told.append({"role": "tool", "tool_call_id": f"t{n}", "content": code + output})
    told.append({"role": "assistant", "content": "Done."})
    return json.dumps({"messages": told}).encode()


def session(steps: Sequence[Step]) -> bytes:
    lines: list[Any] = [{"type": "mode", "mode": "normal"}]
    for message in json.loads(messages(steps))["messages"]:
        line = {"type": message["role"], "message": {**message, "model": "m"}}
        blocks = message["content"] if isinstance(message["content"], list) else []
        for block in blocks:
            if block.get("is_error"):
                block["content"] = "Exit code 1\n" + block["content"]
            elif "is_error" in block:
                told = {"stdout": block["content"], "stderr": "", "interrupted": False}
                line["toolUseResult"] = told
        lines.append(line)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


FORMATS: Mapping[str, tuple[str, Callable[[Sequence[Step]], bytes]]] = {
    "messages": ("answer.json", messages),
    "chat": ("answer.json", chat),
    "session": ("answer.jsonl", session),
}


@pytest.fixture
def grade(
    tmp_path: Path, plan: Callable[..., Plan], address: str
) -> Callable[[Sequence[Step], str], Grade]:
    def of(steps: Sequence[Step], how: str = "messages") -> Grade:
        name, make = FORMATS[how]
        path = tmp_path / name
        path.write_bytes(make(steps))
        submission = read_one(path, "interval-merge", ("merge_intervals",))
        return page.grade(submission, plan("interval-merge"), address)

    return of


Graded = Callable[..., Grade]
VERIFIED: dict[str, tuple[str, Sequence[Step]]] = {
    "test first": ("messages", [with_tests(), RED, wrote(), GREEN]),
    "with a stub": ("chat", [wrote(STUB), with_tests(), RED, wrote(), GREEN]),
    "found a fault": ("session", [wrote(DRAFT), with_tests(), RED, wrote(), GREEN]),
    "as a script": (
        "chat",
        [wrote(), with_tests(SCRIPT, "check.py"), ran("python check.py", "all merged")],
    ),
    "unittest": (
        "session",
        [wrote(), with_tests(UNITTEST), ran("python -m unittest -v", "Ran 1 test in 0.001s\n\nOK")],
    ),
    "on the command line": ("messages", [wrote(), ran(f"python - <<'E'\n{SCRIPT}E", "all merged")]),
}
MUTATE = (
    "mkdir -p /tmp/mut && sed 's/low <= merged/low < merged/' intervals.py > /tmp/mut/intervals.py"
)
IN_FRONT = "import sys\nsys.path.insert(0, '/w')\n" + SCRIPT
BY_HAND = (
    "import importlib.util\nspec = importlib.util.spec_from_file_location('m', '/w/intervals.py')\n"
    "m = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(m)\n"
    + SCRIPT.replace(IMPORT, "").replace("merge_intervals(", "m.merge_intervals(")
)
VERIFIED |= {
    "found in front": (
        "messages",
        [
            wrote(),
            with_tests(IN_FRONT, "../tmp/check.py"),
            ran("python /tmp/check.py", "all merged"),
        ],
    ),
    "loaded by hand": (
        "chat",
        [wrote(), with_tests(BY_HAND, "check.py"), ran("python check.py", "all merged")],
    ),
    # What the agent tried on a copy is no other answer and no other run.
    "after a mutant of its own": (
        "messages",
        [
            with_tests(),
            RED,
            wrote(),
            GREEN,
            wrote(RIGHT.replace("low <= merged", "low < merged"), "../tmp/mut/intervals.py"),
            ran(
                "cp test_intervals.py /tmp/mut/ && cd /tmp/mut && pytest -q",
                "E   AssertionError\n1 failed in 0.02s",
                1,
            ),
        ],
    ),
    "mutated on the command line": (
        "session",
        [
            with_tests(),
            RED,
            wrote(),
            GREEN,
            ran(MUTATE, ""),
            ran(
                "PYTHONPATH=/tmp/mut pytest -q /w/test_intervals.py",
                "E   AssertionError\n1 failed in 0.02s",
                1,
            ),
        ],
    ),
}
EXAMPLES = RIGHT.replace(
    "(intervals):\n",
    '''(intervals):
    """Those that share a point are one.

    >>> merge_intervals([])
    []
    >>> merge_intervals([(1, 2), (3, 4)])
    [(1, 2), (3, 4)]
    >>> merge_intervals([(2, 4), (1, 2), (7, 7)])
    [(1, 4), (7, 7)]
    >>> merge_intervals([(0, 9), (2, 3)])
    [(0, 9)]
    >>> merge_intervals([(0, 1), (3, 2)])
    Traceback (most recent call last):
    ValueError: low above high
    """
''',
    1,
)
BY_ITSELF = (
    f"{EXAMPLES}\n\nif __name__ == '__main__':\n    import doctest\n\n    doctest.testmod()\n"
)
VERIFIED |= {
    "in a loop": (
        "messages",
        [
            wrote(),
            with_tests(SCRIPT, "tests/check_intervals.py"),
            ran("for t in tests/*.py; do python $t || exit 1; done", "all merged"),
        ],
    ),
    "listed": (
        "chat",
        [
            wrote(),
            with_tests(TEST, "tests/test_intervals.py"),
            ran("ls tests/*.py | xargs pytest -q", "1 passed in 0.02s"),
        ],
    ),
    "examples": ("messages", [wrote(EXAMPLES), ran("python -m doctest intervals.py", "")]),
    "examples by pytest": (
        "session",
        [wrote(EXAMPLES), ran("pytest -q --doctest-modules", "1 passed in 0.02s")],
    ),
    "examples and tests by pytest": (
        "chat",
        [
            wrote(EXAMPLES + TEST.split(IMPORT)[1]),
            ran("python -m pytest --doctest-modules intervals.py", "2 passed in 0.02s"),
        ],
    ),
    "examples of its own": ("chat", [wrote(BY_ITSELF), ran("python intervals.py", "")]),
}
SKIPPED = "import pytest\n" + TEST.replace(
    "def test", "@pytest.mark.skipif(False, reason='slow')\ndef test"
)
NOT_VERIFIED: Mapping[str, tuple[str, Sequence[Step], str]] = {
    "notices nothing": (
        "messages",
        [with_tests(HOLLOW), RED, wrote(), ran("pytest -q", "4 passed in 0.02s")],
        "",
    ),
    "before the last change": (
        "chat",
        [wrote(DRAFT), with_tests(), GREEN, wrote()],
        "edited after the last run",
    ),
    "never ran": (
        "session",
        [wrote(), with_tests(), ran("ls", "intervals.py test_intervals.py")],
        "no check is seen",
    ),
    "ran on a better copy": (
        "messages",
        [
            wrote(DRAFT),
            with_tests(),
            wrote(RIGHT, "../tmp/mut/intervals.py"),
            ran("cd /w && PYTHONPATH=/tmp/mut python -m pytest -q", "1 passed in 0.02s"),
        ],
        "",
    ),
    "skipped there": (
        "chat",
        [
            wrote(),
            with_tests(SKIPPED + HOLLOW.split(IMPORT)[1]),
            ran("pytest -q", "4 passed, 1 skipped in 0.02s"),
        ],
        "tests were skipped",
    ),
    "examples that failed": (
        "chat",
        [
            wrote(BY_ITSELF),
            ran("python intervals.py", "Failed example:\n***Test Failed*** 1 failures."),
        ],
        "",
    ),
    "a loop that goes on": (
        "messages",
        [
            wrote(),
            with_tests(SCRIPT, "tests/check_intervals.py"),
            ran("for t in tests/*.py; do python $t || true; done", "AssertionError"),
        ],
        "",
    ),
    "ran and failed": ("messages", [wrote(), with_tests(), RED], "fails"),
}


@pytest.mark.parametrize("name", VERIFIED)
def test_tests_that_ran_and_notice_changes_verify_a_plain_function(
    name: str, grade: Graded
) -> None:
    how, steps = VERIFIED[name]
    found = grade(steps, how)
    assert found.outcome is Outcome.PASSED
    assert found.verification is Level.RAN_EACH, found.verification_reason
    assert found.faults_noticed >= 0.7 * found.faults_tried >= 5
    kinds = [event.what for event in found.events]
    assert EventKind.WRITTEN in kinds
    assert kinds[-1] is EventKind.VERIFIED


@pytest.mark.parametrize("name", NOT_VERIFIED)
def test_a_transcript_that_only_looks_tested_does_not(name: str, grade: Graded) -> None:
    how, steps, words = NOT_VERIFIED[name]
    found = grade(steps, how)
    assert found.outcome is (Outcome.FAILED if name == "ran on a better copy" else Outcome.PASSED)
    assert not found.verification.reaches(Level.RAN), found.verification_reason
    assert words in found.verification_reason
