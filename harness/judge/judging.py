"""A judge is asked about every reply and every line, and held against rules and labels.

It works on stored results and runs no code. What was heard stands in ``judge.json`` beside them,
with a digest of what the rules said then, so that it is not shown beside other results.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.errors import JudgeError, NothingSelected
from harness.grading import behaviour
from harness.judge.agreement import Agreement, agreement
from harness.judge.cache import OpinionCache, key_of
from harness.judge.opinion import Judge, Opinion, Stance
from harness.model import BehaviourState, Results
from harness.results.files import replace_file
from harness.run.ledger import plain
from harness.run.run import RunProgress

FILE: Final = "judge.json"
SCHEMA_VERSION: Final = 1

# Questions in a row that came to nothing for reasons outside the replies.
_IN_VAIN: Final = 8


@dataclass(frozen=True)
class ReplyQuestion:
    """One reply and one line of its rubric."""

    submission: str
    reply: str
    expected: str
    # Key of its opinion; equal replies share one.
    key: str


@dataclass(frozen=True)
class JudgedLine:
    """One opinion and what it is about."""

    # Id of the submission.
    submission: str
    expected: str
    opinion: Opinion


@dataclass(frozen=True)
class JudgeReport:
    """Everything that a report shows of a judge."""

    # Who was asked.
    judge: str
    heard: tuple[JudgedLine, ...]
    # Questions that were left for another time.
    unasked: int
    # The judge against the rules, and against labels where there are any; rules against labels.
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True)
class Order:
    """What to ask, and how."""

    # Scenario ids or patterns over submission ids; empty for all.
    only: tuple[str, ...] = ()
    # New questions at most; ``None`` for no limit.
    limit: int | None = None
    # Questions under way at once.
    jobs: int = 4
    # Ask again what is known.
    fresh: bool = False


def questions(results: Results, judge: str, only: Sequence[str] = ()) -> list[ReplyQuestion]:
    """Every reply with every line of its scenario, in an order that is the same each time.

    The order has nothing to do with arms or scenarios, so that the first few are a fair sample.
    Raises ``NothingSelected`` where ``only`` leaves nothing.
    """
    lines = {scenario.id: scenario.expected_behaviour for scenario in results.scenarios}
    found = [
        ReplyQuestion(one.id, one.text, line, key_of(judge, one.text, line))
        for one in results.submissions
        if not only or any(one.scenario == p or fnmatchcase(one.id, p) for p in only)
        for line in lines[one.scenario]
    ]
    if not found:
        raise NothingSelected(
            f"no reply to judge{''.join(f' with --only {p}' for p in only)}; the results hold "
            f"{len(results.submissions)} submissions"
        )
    return sorted(found, key=lambda question: (question.key, question.submission))


def hear(
    results: Results,
    judge: Judge,
    book: OpinionCache,
    order: Order,
    on_progress: Callable[[RunProgress], None] = lambda _: None,
) -> tuple[tuple[JudgedLine, ...], int]:
    """What the judge says, from the book where that is known, and how much was left unasked.

    Raises ``JudgeError`` where the judge cannot be asked at all; what was heard is in the book.
    """
    asked = questions(results, judge.name, order.only)
    answers: dict[str, Opinion] = {}
    new: dict[str, ReplyQuestion] = {}
    for question in asked:
        known = None if order.fresh else book.get(question.key)
        if known is not None:
            answers[question.key] = known
        else:
            new.setdefault(question.key, question)
    todo = list(new.values())[: order.limit]
    total, known_count, vain = len(answers) + len(todo), len(answers), 0
    on_progress(RunProgress(known_count, total, known_count, ""))
    for question, given in _answered(todo, judge, order.jobs):
        answers[question.key] = given
        book.put(
            question.key,
            given,
            judge=judge.name,
            submission=question.submission,
            expected=question.expected,
        )
        last = f"{question.submission} {given.stance.value}"
        on_progress(RunProgress(len(answers), total, known_count, last))
        vain = 0 if given.lasting else vain + 1
        if vain == _IN_VAIN:
            raise JudgeError(
                f"{judge.name} gave no answer {vain} times in a row, the last time: "
                f"{given.reason}. What was heard before is kept; see that it can be reached and "
                "start again."
            )
    heard = [
        JudgedLine(q.submission, q.expected, answers[q.key]) for q in asked if q.key in answers
    ]
    return tuple(heard), len(asked) - len(heard)


def _answered(
    todo: Sequence[ReplyQuestion], judge: Judge, jobs: int
) -> Iterator[tuple[ReplyQuestion, Opinion]]:
    """Each question with its opinion, as they come.

    The threads are daemons: whoever interrupts does not wait for answers under way.
    """
    waiting: queue.SimpleQueue[ReplyQuestion] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[ReplyQuestion, Opinion | Exception]] = queue.SimpleQueue()
    stopped = threading.Event()
    for question in todo:
        waiting.put(question)

    def work() -> None:
        while not stopped.is_set():
            try:
                question = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((question, judge.judge(question.reply, question.expected)))
            except Exception as error:  # raised again by whoever waits for it
                done.put((question, error))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(jobs, len(todo)))]
    try:
        for thread in threads:
            thread.start()
        for _ in todo:
            question, given = done.get()
            if isinstance(given, Exception):
                raise given
            yield question, given
        for thread in threads:
            thread.join()
    finally:
        stopped.set()


# --------------------------------------------------------------------------
# Against rules and labels


def judge_report(
    judge: str,
    heard: tuple[JudgedLine, ...],
    unasked: int,
    results: Results,
    labels: Mapping[tuple[str, str], bool] | None = None,
) -> JudgeReport:
    """What was heard, held against the rules and against ``labels``."""
    said = {
        (one.submission, one.expected): one.opinion.stance is Stance.MET
        for one in heard
        if one.opinion.stance in (Stance.MET, Stance.NOT_MET)
    }
    scenarios = {scenario.id: scenario for scenario in results.scenarios}
    ruled = {
        (record.id, line.expected): line.state is BehaviourState.MET
        for record in results.records
        for line in behaviour.lines(record, scenarios[record.scenario])
        if line.state is not BehaviourState.NOT_JUDGED
    }
    voices = [("judge", said), ("rules", ruled)]
    pairs = [agreement(*voices)]
    if labels is not None:
        pairs += [agreement(voice, ("labels", labels)) for voice in voices]
    return JudgeReport(judge, heard, unasked, tuple(pairs))


def sentences(heard: JudgeReport) -> Iterator[str]:
    """The report for a terminal: what was said, then how far it agrees with whom."""
    stances = Counter(one.opinion.stance for one in heard.heard)
    yield f"{heard.judge}: {', '.join(f'{stances[s]} {s.value}' for s in Stance)}"
    for one in heard.agreements:
        alpha = "not defined" if one.alpha is None else f"{one.alpha:.2f}"
        yield (
            f"{one.first} and {one.second}: agree on {one.both + one.neither} of {one.n} that both "
            f"decided, Krippendorff's alpha {alpha}"
        )


# --------------------------------------------------------------------------
# The file


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    schema_version: Literal[1]
    # Digest of what was judged.
    results: str
    hearing: JudgeReport


def write(heard: JudgeReport, results: Results, folder: Path) -> None:
    """Write ``judge.json`` into ``folder``, whole or not at all."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "results": _digest(results),
        "hearing": plain(heard),
    }
    replace_file(folder / FILE, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read(folder: Path, results: Results) -> JudgeReport | None:
    """The report of a judge in ``folder``; ``None`` where there is none.

    Raises ``JudgeError`` where it is not of ``results`` or cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    again = f"Run harness judge again: what it asked before is in {folder / 'opinions.jsonl'}."
    try:
        document = TypeAdapter(_Document).validate_json(path.read_bytes())
    except OSError as error:
        raise JudgeError(f"{path}: cannot be read: {error.strerror}. {again}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise JudgeError(f"{path}: {where}: {first['msg']}. {again}") from None
    if document.results != _digest(results):
        raise JudgeError(f"{path} is of other results, so it is not shown. {again}")
    return document.hearing


def _digest(results: Results) -> str:
    """A SHA-256 over what an opinion or an agreement is about."""
    parts = [
        [r.id, r.sha256, [[line.expected, line.state.value] for line in r.behaviour]]
        for r in results.records
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
