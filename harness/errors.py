"""What can go wrong on our side of the fence, as one tree.

A fault of a submission is never an exception that leaves the harness: it is a
``Finding``. These are the faults of a user's input or of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def nearest(name: str, valid: Iterable[str], similarity: float = 0.6) -> str | None:
    """The valid name closest to a misspelt one, in any case, if one is as similar as that."""
    by_case = {each.casefold(): each for each in valid}
    matches = get_close_matches(name.casefold(), by_case, 1, similarity)
    return by_case[matches[0]] if matches else None


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the valid name closest to a misspelt one; empty if none is."""
    close = nearest(name, valid)
    return f" Did you mean {close!r}?" if close else ""


def nearest_path(path: Path) -> Path | None:
    """What was probably meant by a path that is not there; ``None`` if nothing similar is."""
    for part in (*reversed(path.parents), path):
        if part.exists():
            continue
        try:
            close = nearest(part.name, [one.name for one in part.parent.iterdir()])
        except OSError:
            return None
        meant = part.with_name(close) / path.relative_to(part) if close else None
        return meant if meant is not None and meant.exists() else None
    return None


class HarnessError(Exception):
    """Base of every error the harness raises on purpose; printed without a traceback."""

    # Exit status of the command line when this error ends a run (see docs/reference/cli.md).
    exit_code = 2


class UsageError(HarnessError):
    """An option, a path or a combination of them that cannot work."""


class NothingToCompare(UsageError):
    """Two runs that have no graded answer to the same scenario."""


class GateFailed(HarnessError):
    """A gate that cannot be met, as there is nothing to hold against it."""

    exit_code = 1


class ScenarioError(HarnessError):
    """A skill, scenario, oracle or provided file that is not valid."""


class SubmissionError(HarnessError):
    """A solutions folder or JSON Lines file whose layout is not understood."""


class ResultsError(HarnessError):
    """A results file that cannot be read or is of an unknown version."""


class ReportError(ResultsError):
    """A results or report file that cannot be written."""

    exit_code = 3


class LedgerError(HarnessError):
    """The ledger cannot be opened, read or written."""

    exit_code = 3


class SpoolError(HarnessError):
    """What a run puts aside on disk cannot be written."""

    exit_code = 3


class ReaderError(HarnessError):
    """A language model cannot be asked, or a file of its answers is not valid."""


class ReaderSilent(ReaderError):
    """A language model was asked again and again and gave no answer."""

    exit_code = 3


class GenerateError(HarnessError):
    """A language model cannot be asked for answers."""


class AnswerError(GenerateError):
    """An answer of a language model came and cannot be kept."""

    exit_code = 3


class LabelError(HarnessError):
    """A file of labels is not valid, or cannot be written."""


class SandboxError(HarnessError):
    """The sandbox could not be set up or was lost; never the submission's fault."""

    exit_code = 3


class GraderError(HarnessError):
    """One submission could not be graded: its grader was killed, or our own code raised."""

    exit_code = 3


class ClusterError(HarnessError):
    """No node of a cluster can grade, or none is left."""

    exit_code = 3


class Interrupted(HarnessError):
    """The user pressed Ctrl-C; the message says what was kept and how to go on."""

    exit_code = 130


class NothingSelected(HarnessError):
    """The filters left no submission to grade."""

    exit_code = 4
