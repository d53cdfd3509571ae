"""Recorded conversations in, whatever program wrote them: one small form out.

``read`` tells the formats apart and gives a ``Transcript``; ``replay`` works out the files that
its steps leave behind and what was run on which state of them; ``render`` makes a text of it
that people can read and lines can point into. Nothing is run.
"""

from harness.read.transcripts.bundling import bundle, clash
from harness.read.transcripts.formats import Recorded
from harness.read.transcripts.reading import SOLUTION, format_of, read, read_all
from harness.read.transcripts.rendering import render
from harness.read.transcripts.replaying import (
    FileChange,
    Lost,
    Replay,
    ScriptRun,
    at_home,
    find,
    replay,
    with_end,
)
from harness.read.transcripts.shell import PythonRun
from harness.read.transcripts.testing import Ran, gathered, ran, runner

__all__ = [
    "SOLUTION",
    "FileChange",
    "Lost",
    "PythonRun",
    "Ran",
    "Recorded",
    "Replay",
    "ScriptRun",
    "at_home",
    "bundle",
    "clash",
    "find",
    "format_of",
    "gathered",
    "ran",
    "read",
    "read_all",
    "render",
    "replay",
    "runner",
    "with_end",
]
