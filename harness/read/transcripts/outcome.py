"""What became of a call: from fields that say so, and else from the words that tools end with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.code.lines import split_lines
from harness.model import Ending
from harness.read.transcripts.parsed import clean, first, mapping, sequence

_STATUSES = ("exit_code", "exitCode", "return_code", "returncode", "returnCode", "exit")
_ERRORS = ("is_error", "isError")
_STATES = ("status", "state", "retrieval_status")
_FAILING = frozenset({"error", "failed", "failure", "output-error"})
_REFUSED = frozenset({"rejected", "denied", "declined", "permissiondenied", "output-denied"})
_STOPPED = frozenset({"cancelled", "canceled", "timeout", "timed_out", "killed", "aborted",
                      "interrupted", "incomplete"})  # fmt: skip
_RUNNING = frozenset({"running", "in_progress", "pending", "started", "async_launched"})
# Where the fields of a result stand inside of it.
_INSIDE = ("metadata", "extra", "extras", "details", "outcome", "terminalCommandState", "task",
           "artifact", "filediff", "resultDisplay", "success", "failure")  # fmt: skip
_BEFORE = ("originalFile", "beforeFullFileContent", "old_content", "originalContent", "before")
_AFTER = ("afterFullFileContent", "new_content", "newContent", "after")
# Under what name something goes on in the background.
_BACKGROUND = ("backgroundTaskId", "shellId", "backgroundPid")

# A line of its own that a tool adds, such as ``Exit code 1`` or ``[Command failed with exit
# code 1]``; the beginning of the line only, as a test may print these words, too.
_STATUS = re.compile(
    r"\W{0,3}(?:(?:the )?(?:process|command)(?: \w+)? |shellid: \S+ completed )?(?:with )?"
    r"(?:exit(?:ed)?(?: with)?[ _](?:code|status)|return ?code)\W{0,6}(-?\d{1,3})\b",
    re.I,
)
_NOT_FOUND = re.compile(r"(?:\S*/)?(?:ba|z|da)?sh: (?:line )?(?:\d+: )?\S+: (?:command )?not found")
_NOT_BEGUN = re.compile(
    r"\W{0,3}(?:error: |the )?(?:user|tool (?:call|use)|command|exec command|permission)\b"
    r"[^.\n]{0,60}\b(?:rejected|declined|denied|doesn't want to proceed)\b",
    re.I,
)
_WAS_STOPPED = re.compile(
    r"\W{0,3}(?:error: |the )?(?:command|process|tool call|execution|operation|request)\b"
    r"[^.\n]{0,40}\b(?:timed out|cancell?ed|aborted|interrupted|killed|exceeding timeout)\b",
    re.I,
)
_WAS_STARTED = re.compile(
    r"\W{0,3}(?:command|process) (?:is )?(?:still )?running (?:in (?:the )?background|with)\b", re.I
)
_GOES_ON = re.compile(r"^Process running with session ID (\w+)", re.M)
# Lines that tools put around an output.
_HEAD = re.compile(
    r"\s*|OBSERVATION:|(?:Chunk ID|Wall time|Original token count|Total output lines): .*|Output:|"
    r"Process running with session ID .*|Command executed\.|Directory: .*|<output>|Stdout:|"
    r"Command: .*",
    re.I,
)
_TAIL = re.compile(
    r"\s*|Process Group PGID: .*|Background PIDs: .*|Signal: .*|Error: \(none\)|</output>|"
    r"\[Current working directory: .*\]|\[Python interpreter: .*\]|Stderr: \(empty\)",
    re.I,
)
_HEADING = re.compile(r"(?:Output|Stdout|OBSERVATION):[ \n]", re.I)
# Longer results are output, and not what a tool says instead of it.
_SHORT = 1_000


@dataclass(frozen=True)
class Fate:
    """What became of a call; ``None`` where nothing tells."""

    failed: bool | None = None
    status: int | None = None
    ending: Ending | None = None
    # The file before and after an edit.
    before: str | None = None
    after: str | None = None
    # The name under which it goes on.
    background: str | None = None

    def or_else(self, other: Fate) -> Fate:
        """This, and from ``other`` what this says nothing about."""
        mine, others = vars(self), vars(other)
        return Fate(**{key: others[key] if v is None else v for key, v in mine.items()})


def fate(*sources: object) -> Fate:
    """What the typed fields of ``sources`` say, the first that says something first."""
    found = Fate()
    for given in _all(sources):
        status, state = first(given, _STATUSES), first(given, _STATES)
        error = first(given, _ERRORS)
        word = clean(state).lower()
        failed: bool | None = error if isinstance(error, bool) else None
        ending = None
        if word in _REFUSED or "rejected" in given or "permissionDenied" in given:
            failed, ending = True, Ending.REFUSED
        elif word in _STOPPED or given.get("interrupted") is True or given.get("timeout") is True:
            failed, ending = True, Ending.STOPPED
        elif word in _FAILING or given.get("success") is False or _is_error(given.get("error")):
            failed = True
        elif word in _RUNNING or given.get("isBackground") is True:
            ending = Ending.STARTED
        background = first(given, _BACKGROUND)
        if background is not None and isinstance(background, str | int):
            started = "backgroundTaskId" in given or "backgroundPid" in given
            ending = Ending.STARTED if started else ending
        number = status if isinstance(status, int) and not isinstance(status, bool) else None
        said = Fate(
            failed if number is None else number != 0,
            number,
            ending,
            _text(first(given, _BEFORE)),
            _text(first(given, _AFTER)),
            None if background is None else str(background)[:60],
        )
        found = found.or_else(said)
    return found


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _is_error(value: object) -> bool:
    return bool(value) and isinstance(value, str | dict)


def _all(sources: tuple[object, ...]) -> Iterator[Mapping[str, Any]]:
    for source in sources:
        for one in (source, *sequence(source)[:20]):
            given = mapping(one)
            if given:
                yield given
                yield from (mapping(given[key]) for key in _INSIDE if mapping(given.get(key)))


def told(output: str, said: Fate) -> Fate:
    """``said``, and where it leaves something open, what the words of the result tell."""
    status = said.status if said.status is not None else _status(output)
    failed = said.failed
    if status is not None and (failed is None or status != 0):
        failed = status != 0
    ending = said.ending
    if ending is None and said.status is None and len(output) <= _SHORT:
        line = output.lstrip()
        if _NOT_BEGUN.match(line):
            ending, failed = Ending.REFUSED, True
        elif _WAS_STOPPED.match(line):
            ending, failed = Ending.STOPPED, True
        elif _WAS_STARTED.match(line):
            ending = Ending.STARTED
        elif status is None and (going := _GOES_ON.search(output)):
            ending, said = Ending.STARTED, replace(said, background=going[1])
        elif status is None and _NOT_FOUND.fullmatch(output.strip()):
            # The shell has nothing to run.
            ending, failed = Ending.REFUSED, True
    if ending in (Ending.REFUSED, Ending.STARTED):
        status = None
    if ending is None and status is not None:
        ending = Ending.FINISHED
    return replace(said, failed=failed, status=status, ending=ending)


def _status(output: str) -> int | None:
    """The exit status that a tool wrote into its first or last lines, unless they disagree."""
    lines = split_lines(output.strip()[:2_000])[:4] + split_lines(output.strip()[-2_000:])[-4:]
    found = {int(match[1]) for line in lines if (match := _STATUS.match(line.strip()))}
    return found.pop() if len(found) == 1 else None


def unframed(output: str) -> str:
    """What a command printed, without the lines that a tool puts around it."""
    lines = split_lines(output)
    first, last = 0, len(lines)
    while first < min(last, 8) and (_HEAD.fullmatch(lines[first]) or _STATUS.match(lines[first])):
        first += 1
    while last > max(first, len(lines) - 8) and (
        _TAIL.fullmatch(lines[last - 1]) or _STATUS.match(lines[last - 1])
    ):
        last -= 1
    framed = any(line.strip() for line in (*lines[:first], *lines[last:]))
    found = "\n".join(lines[first:last]) if framed else output
    return _HEADING.sub("", found, count=1) if _HEADING.match(found) else found
