"""Whether a run that a transcript records came to a good end.

An exit status decides, where one is recorded and is that of the run. Otherwise its output must
hold what the check itself prints when it is run here, or the summary of its test runner; silence
shows nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from harness.model import Ending, FileRun, Step
from harness.read.transcripts import ScriptRun, runner

# Of a longer output the beginning and the end are searched.
_MAX_OUTPUT = 200_000
_NUMBER = re.compile(r"[-+]?\d+(?:[.,:]\d+)*(?:e[-+]?\d+)?", re.I)
_COUNT = re.compile(r"(?<![\w./])(\d+)\s?(?:/|of)\s?(\d+)(?![\w./])")
_FAILS = re.compile(
    r"\bFalse\W*$|(?<![\w.])[1-9]\d* (?:failed|errors?)\b|^FAILED\b|^E   |\bFAIL\b|"
    r"^Failed example:|\*\*\*Test Failed\*\*\*",
    re.M,
)
_RAISES = re.compile(r"Traceback \(most recent call last\)|^\w*(?:Error|Exception)\b|FAILED", re.M)
_SAYS_GOOD = re.compile(r"\b(?:True|OK|[1-9]\d* passed|pass(?:ed|es)?|all good)\b|✓|✅", re.I)
_TESTED = {
    "pytest": re.compile(r"(?<![\w.])[1-9]\d* passed\b"),
    "unittest": re.compile(r"^Ran [1-9]\d* tests? in .*\n+OK\b", re.M),
    "doctest": re.compile(r"^[1-9]\d* passed and 0 failed\b|^Test passed\.$", re.M),
}
# What a tool or a shell says of what did not run, or not to its end.
_NOT_RUN = re.compile(
    r"command not found|not found$|no such file or directory|can't open file|permission denied|"
    r"timed? ?out|time limit|\bkilled\b|\bterminated\b|\baborted\b|segmentation fault|"
    r"core dumped|out of memory|\bOOM\b|reject|denied|declined|refused|not (?:allowed|permitted)|"
    r"doesn't want to|interrupt|cancel|\bskipped by\b|in (?:the )?background|still running|"
    r"keyboardinterrupt|no module named|connection (?:lost|refused|closed)",
    re.I | re.M,
)
_ENDINGS = {
    Ending.STARTED: "the run was only started in the background",
    Ending.STOPPED: "the run was stopped before its end",
    Ending.REFUSED: "the run was refused, or could not begin",
}
_STATUSES = {
    124: "the run was stopped before its end",
    126: "the run could not be started",
    127: "what should run them was not found",
    130: "the run was stopped before its end",
    134: "the run was stopped before its end",
    137: "the run was stopped before its end",
    139: "the run was stopped before its end",
    143: "the run was stopped before its end",
}
# Tests that the runner skipped.
_SKIPPED = re.compile(r"(?<![\w.])([1-9]\d*) skipped\b|\(skipped=([1-9]\d*)")
# Tests that the runner found and left out.
_LEFT_OUT = re.compile(r"(?<![\w.])[1-9]\d* deselected\b")
NOTHING_RECORDED = "no result of the run is recorded"


class RunEnd(NamedTuple):
    """What became of a run."""

    # ``None`` where nobody can tell.
    passed: bool | None
    # What failed, or why nobody can tell.
    why: str


def end_of(run: ScriptRun, step: Step, here: FileRun | None, skipped: int = 0) -> RunEnd:
    """What became of a run; ``here`` is what the same file did in the sandbox.

    There ``skipped`` tests of all files of the run were skipped.
    """
    if run.started.void:
        return RunEnd(None, run.started.void)
    if step.ending in _ENDINGS:
        return RunEnd(None, _ENDINGS[step.ending])
    if run.marks == {"started"}:
        return RunEnd(None, _ENDINGS[Ending.STARTED])
    if step.status in _STATUSES and "ok" not in run.marks:
        return RunEnd(None, _STATUSES[step.status])
    output = step.output or ""
    if len(output) > _MAX_OUTPUT:
        output = output[: _MAX_OUTPUT // 2] + "\n" + output[-_MAX_OUTPUT // 2 :]
    printed = _lines(here.printed) if here is not None and here.passed else []
    own = {_plain(line) for line in run.own_lines}
    lines = output.split("\n")
    plain = [_plain(line) for line in lines]
    times = Counter(plain)
    others = [{_plain(line) for line in printed if _says(code, line)} for code in run.beside]
    heard = [
        n
        for n, line in enumerate(plain)
        if line in printed
        and line not in own
        # Once for each run that may have printed it.
        and times[line] > sum(line in other for other in others)
    ]
    # What is left of the output without what the check prints: others said that.
    rest = "\n".join(line for line in lines if _plain(line) not in printed)
    if run.marks == {"fail"} or _FAILS.search(rest):
        return _failed(run, step, rest)
    how = runner(run)
    summary = _TESTED[how].search(output) if how in _TESTED else None
    if how == "pytest" and not run.started.only and _LEFT_OUT.search(output):
        return RunEnd(None, "some tests were left out, and it is not known which")
    left_out = _SKIPPED.search(output) if summary and here is not None else None
    if left_out and int(left_out[1] or left_out[2]) > skipped:
        return RunEnd(None, "tests were skipped that are run here, and it is not known which")
    if summary and _plain(_line_around(output, summary.start())) not in own:
        return RunEnd(True, "")
    if run.marks != {"ok"} and _RAISES.search(rest):
        return _failed(run, step, rest)
    if run.marks == {"ok"} and step.status == 0:
        if how in _TESTED and re.search(r"\bno tests ran\b|\bskipped\b|Ran 0 ", output):
            return RunEnd(None, "no test was run")
        return RunEnd(True, "")
    after = "\n".join(lines[heard[-1] + 1 if heard else 0 :])
    stopped = _NOT_RUN.search(after)
    if stopped:
        return RunEnd(None, f"the output says `{_line_around(after, stopped.start())}`")
    if how in _TESTED and how != "doctest":
        return RunEnd(None, "no test was run" if output.strip() else NOTHING_RECORDED)
    if run.marks == {"ok"} and (heard or not printed):
        # A tool that says that nothing went wrong, of a check that says no more.
        return RunEnd(True, "")
    return _by_words(here, printed, [_plain(lines[n]) for n in heard], output, own)


def _by_words(
    here: FileRun | None, printed: list[str], heard: list[str], output: str, own: set[str]
) -> RunEnd:
    """Of a script whose status nobody recorded."""
    if here is None or not here.passed:
        # Nobody knows what it prints: such a run earns no level, and may still be told of.
        good = [line for line in output.split("\n") if _SAYS_GOOD.search(line)]
        good = [line for line in good if _plain(line) not in own]
        return RunEnd(True, "") if good else RunEnd(None, NOTHING_RECORDED)
    if printed and printed[-1] in heard:
        return RunEnd(True, "")
    if output.strip() and printed:
        why = f"{NOTHING_RECORDED}: the output does not hold what it prints at its end"
        return RunEnd(None, why)
    return RunEnd(None, NOTHING_RECORDED)


def _failed(run: ScriptRun, step: Step, rest: str) -> RunEnd:
    """Of a run that failed: a check that failed, or one that did not take place."""
    stopped = _NOT_RUN.search(rest)
    raised = _FAILS.search(rest) or _RAISES.search(rest)
    if runner(run) == "pytest" and step.status in (2, 3, 4, 5):
        return RunEnd(None, "no test was run")
    if "ok" in run.marks and step.failed and not raised:
        return RunEnd(None, "the command that ran it failed")
    if stopped and not re.search(r"GradcheckError|AssertionError|Jacobian mismatch", rest):
        return RunEnd(None, f"the output says `{_line_around(rest, stopped.start())}`")
    return RunEnd(False, _line_around(rest, raised.start() if raised else 0))


def _says(code: str, line: str) -> bool:
    """Whether some code holds the words of a line that is printed."""
    words = [word.strip() for word in line.split("#") if word.strip()]
    # Whole words: ``elu: passed`` is not said by who prints ``selu: passed``.
    return bool(words) and all(
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code) for word in words
    )


def _lines(text: str) -> list[str]:
    return [line for line in map(_plain, text.split("\n")) if line]


def _plain(line: str) -> str:
    """A line as it reads whatever the numbers and times in it; of a count whether it is full."""
    counted = _COUNT.sub(lambda count: "all" if count[1] == count[2] else "some", line)
    return " ".join(_NUMBER.sub("#", counted).split())


def _line_around(text: str, place: int) -> str:
    for pattern in (r"^.*(?:GradcheckError|Jacobian mismatch).*$", r"^\w*Error.*$"):
        found = re.search(pattern, text, re.M)
        if found:
            return found[0].strip()[:160]
    end = text.find("\n", place)
    start = text.rfind("\n", 0, place) + 1
    return text[start : end if end >= 0 else len(text)].strip()[:160]
