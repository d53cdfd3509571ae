"""Logs of Inspect, wherever they were made: graded, and written anew with their scores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import (
    GraderError,
    HarnessError,
    NothingSelected,
    ReportError,
    SubmissionError,
    UsageError,
    did_you_mean,
)
from harness.evaluation.scorer import ASKED, Grading, grader_for, unknown, verdict
from harness.model import Outcome
from harness.read.submissions import Told

# What is added to the name of a log that holds our scores.
_SCORED = "-scored"

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.scorer import Score


@dataclass(frozen=True)
class ScoredLog:
    """A log that was graded."""

    # The new log.
    file: Path
    scores: tuple[Score, ...]
    # Samples that ended in an error of Inspect, and so have no answer to grade.
    failed: int

    def count(self, outcome: Outcome) -> int:
        """How many samples came to this."""
        return sum((one.metadata or {})["outcome"] == outcome for one in self.scores)

    def __str__(self) -> str:
        graded = [one.value for one in self.scores if isinstance(one.value, dict)]
        parts = [f"{sum(bool(one[name]) for one in graded)} {name}" for name in ASKED]
        for count, words in (
            (self.count(Outcome.DECLINED), "declined"),
            (self.count(Outcome.UNGRADED), "NOT GRADED"),
            (self.failed, "without an answer, as an error ended them"),
        ):
            parts += [f"{count} {words}"] if count else []
        return f"{len(self.scores)} samples graded: {', '.join(parts)} · {self.file}"


def unscored(logs: Sequence[Path]) -> list[Path]:
    """``logs`` without those that an earlier call wrote of others among them."""

    def made_of(log: Path) -> Path:
        return log.with_name(log.stem.removesuffix(_SCORED) + log.suffix)

    return [log for log in logs if made_of(log) == log or made_of(log) not in logs]


def check_names(logs: Sequence[Path], told: Told, how: Grading) -> None:
    """Raise ``UsageError`` for a name that ``--map`` gives and no sample of ``logs`` has."""
    if not told.fields and not told.names:
        return
    from inspect_ai.log import read_eval_log_sample_summaries

    found: set[str] = set()
    for log in logs:
        with _reading(log):
            found |= {
                how.name_of(one.id, one.metadata)
                for one in read_eval_log_sample_summaries(str(log))
            }
    for name in (*told.fields, *told.names):
        if name not in found:
            raise UsageError(
                f"--map {name}: no sample has that name.{did_you_mean(name, found)} Expected one "
                "that a sample gives by its id or by `scenario` in its metadata, such as "
                f"{', '.join(sorted(found)[:5])}"
            )


def scored_files(logs: Sequence[Path], out: Path | None, overwrite: bool) -> list[Path]:
    """Where the scored logs go. Raises ``UsageError`` where something is there, or would be."""
    places: list[Path] = []
    for log in logs:
        name = log.name if out or overwrite else f"{log.stem}{_SCORED}{log.suffix}"
        new = (out or log.parent) / name
        if new in places or (new.exists() and not overwrite):
            whose = "that of another one of these logs" if new in places else "there already"
            raise UsageError(
                f"{log}: its scored log {new} is {whose}; move it away, or choose another folder "
                "with --out. With --overwrite the scores go into the log itself, or into what is "
                "in the folder"
            )
        places.append(new)
    return places


def score_log(file: Path, to: Path, how: Grading, show: bool) -> ScoredLog:
    """Grade every sample of ``file`` and write the log with the scores in addition to ``to``.

    ``show`` says whether Inspect shows how far it is. Raises ``SubmissionError`` for what is no log
    and for a sample that answers no scenario, ``NothingSelected`` where none has an answer,
    ``GraderError`` where Inspect cannot score it, and ``ReportError`` where ``to`` cannot be
    written.
    """
    from inspect_ai import score

    log = _read(file)
    every = log.samples or []
    grader = grader_for(how)
    for sample in every:
        name = how.scenario_of(sample.id, sample.metadata)
        if name not in grader.scenarios:
            raise SubmissionError(f"{file}: {unknown(name, str(sample.id), grader.scenarios)}")
    answered = [sample for sample in every if sample.error is None]
    if not answered:
        raise NothingSelected(
            f"{file}: all {len(every)} samples ended in an error of Inspect; there is no answer to "
            "grade. `inspect eval-retry` asks again"
        )
    before = [frozenset(sample.scores or {}) for sample in answered]
    # The models that answered are not asked again, and may need a key that is not here.
    roles, log.eval.model_roles, log.samples = log.eval.model_roles, None, answered
    try:
        log = score(
            log,
            verdict(**how.options),
            model="none/none",
            action="append",
            display="rich" if show else "none",
            copy=False,
        )
    except HarnessError:
        raise
    except Exception as error:
        # Of a log it looks up what its task named, such as a reducer that is not installed here.
        raise GraderError(f"{file}: Inspect cannot score it ({_first_words(error)})") from error
    log.eval.model_roles, log.samples = roles, every
    scores = tuple(
        new
        for sample, old in zip(answered, before, strict=True)
        for name, new in (sample.scores or {}).items()
        if name not in old
    )
    _write(log, to)
    return ScoredLog(to, scores, len(every) - len(answered))


def _read(file: Path) -> EvalLog:
    from inspect_ai.log import read_eval_log

    with _reading(file):
        log = read_eval_log(str(file))
    if not log.samples:
        raise SubmissionError(
            f"{file}: holds no sample; give a log that was written with samples (`inspect eval` "
            "without --no-log-samples)"
        )
    return log


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Whatever its version raises for what it cannot read.
        raise SubmissionError(
            f"{file}: cannot be read as a log of Inspect ({_first_words(error)}); expected "
            "a .eval or .json file that `inspect eval` wrote"
        ) from None


def _first_words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _write(log: EvalLog, to: Path) -> None:
    """Write it whole or not at all."""
    from inspect_ai.log import write_eval_log

    draft = to.with_name(f".{os.getpid()}-{to.name}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(draft))
        draft.replace(to)
    except OSError as error:
        raise ReportError(
            f"{to}: cannot be written: {error.strerror or error}; make room, or choose another "
            "folder with --out"
        ) from None
    except Exception as error:
        raise ReportError(f"{to}: Inspect cannot write it ({_first_words(error)})") from error
    finally:
        draft.unlink(missing_ok=True)
