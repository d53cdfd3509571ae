"""A language model is asked about every reply once, and what it answered is a reading of it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from harness.errors import ReaderSilent
from harness.judge.answer import Malformed, findings, parse
from harness.judge.message import Messages, key_of, lines_asked, messages
from harness.judge.provider import LanguageModel, ModelReply
from harness.judge.readings import KeptReading, Readings
from harness.model import ReadBy, Scenario, Submission
from harness.run.run import RunProgress
from harness.words import WordsRead, read_words
from harness.words.shown import shown

# Questions under way at once.
_JOBS: Final = 4
# Questions in a row that came to nothing for reasons outside the replies.
_IN_VAIN: Final = 8
# Characters of a reply beyond which no model is asked: a part would not be the reply.
LONGEST: Final = 200_000


class ModelReader:
    """Reads replies by what a model has answered; ``ask_all`` first, then call it."""

    def __init__(self, model: LanguageModel, kept: Readings) -> None:
        self._model = model
        self.kept = kept
        # Key -> why there is no answer, for reasons that may be gone the next time.
        self._missed: dict[str, str] = {}
        # Id of a submission -> why the answer about it cannot be used.
        self.unusable: dict[str, str] = {}

    @property
    def missed(self) -> int:
        """Questions without an answer that are worth asking again."""
        return len(self._missed)

    def ask_all(
        self,
        submissions: Sequence[Submission],
        scenarios: Sequence[Scenario],
        on_progress: Callable[[RunProgress], None] = lambda _: None,
    ) -> None:
        """Ask about every reply that is not known; each answer is kept as it comes.

        Raises ``ReaderError`` where the model cannot be asked at all; what was answered is kept.
        """
        scenario_of = {scenario.id: scenario for scenario in scenarios}
        # Key -> place of the first submission with it; equal replies share one question.
        new: dict[str, int] = {}
        known = 0
        for place, submission in enumerate(submissions):
            key = self._key(submission, scenario_of[submission.scenario])
            if key is None or self.kept.get(key) is not None or key in new:
                known += 1
            else:
                new[key] = place
        total, vain = len(submissions), 0
        on_progress(RunProgress(known, total, known, ""))
        asked = (
            (key, messages(scenario_of[one.scenario], shown(one)), one)
            for key, place in new.items()
            for one in [submissions[place]]
        )
        for done, (key, one, reply) in enumerate(self._answered(asked), start=known + 1):
            if reply.lasting:
                self.kept.put(
                    KeptReading(key, self._model.name, one.scenario, one.id, reply.text, reply.why)
                )
            else:
                self._missed[key] = reply.why
            on_progress(RunProgress(done, total, known, one.id))
            vain = 0 if reply.lasting else vain + 1
            if vain == _IN_VAIN:
                raise ReaderSilent(
                    f"{self._model.name} gave no answer {vain} times in a row, the last time: "
                    f"{reply.why}. What was answered before is in {self.kept.path}, and grades "
                    "are in the ledger; see that the model can be reached and give the same "
                    "command again, or leave --reader out."
                )

    def __call__(self, submission: Submission, scenario: Scenario) -> WordsRead:
        """The model's reading of a reply, or that of the other readers where it gave none."""
        key = self._key(submission, scenario)
        if key is None:
            why = f"the reply is longer than {LONGEST} characters, so no model was asked"
        else:
            entry = self.kept.get(key)
            if entry is None:
                why = self._missed.get(key, "it was not asked")
            elif entry.answer is None:
                why = entry.why
            else:
                try:
                    return self._reading(entry.answer, submission, scenario)
                except Malformed as error:
                    why = f"the answer kept in {self.kept.path} is malformed: {error}"
        if key not in self._missed:
            self.unusable[submission.id] = why
        read = read_words(submission, scenario)
        return WordsRead(read.traps, ReadBy(read.by.reader, unread=why))

    def _reading(self, answer: str, submission: Submission, scenario: Scenario) -> WordsRead:
        names = tuple(trap.id for trap in scenario.traps)
        found = findings(parse(answer), shown(submission), names, lines_asked(scenario))
        by = ReadBy(self._model.reader, found.dropped)
        return WordsRead(found.traps, by, found.opinions)

    def _key(self, submission: Submission, scenario: Scenario) -> str | None:
        """The key of a question; ``None`` where the reply is too long to be read whole."""
        text = shown(submission)
        return None if len(text) > LONGEST else key_of(self._model.name, scenario, text)

    def _answered(
        self, asked: Iterator[tuple[str, Messages, Submission]]
    ) -> Iterator[tuple[str, Submission, ModelReply]]:
        """What came of each question, as it comes; few questions are in memory at once.

        The threads are daemons: whoever interrupts does not wait for answers under way.
        """
        waiting: queue.SimpleQueue[tuple[str, Messages, Submission] | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[str, Submission, ModelReply | Exception]]
        done = queue.SimpleQueue()

        def work() -> None:
            while (question := waiting.get()) is not None:
                key, said, submission = question
                try:
                    done.put((key, submission, self._model.ask(said, _understand)))
                except Exception as error:  # raised again by whoever waits for it
                    done.put((key, submission, error))

        under_way = 0
        try:
            for question in asked:
                if under_way < _JOBS:
                    threading.Thread(target=work, daemon=True).start()
                else:
                    yield _given(done.get())
                    under_way -= 1
                waiting.put(question)
                under_way += 1
            while under_way:
                yield _given(done.get())
                under_way -= 1
        finally:
            for _ in range(_JOBS):
                waiting.put(None)


def _given(
    one: tuple[str, Submission, ModelReply | Exception],
) -> tuple[str, Submission, ModelReply]:
    key, submission, reply = one
    if isinstance(reply, Exception):
        raise reply
    return key, submission, reply


def _understand(text: str) -> None:
    """Raises ``Malformed`` where ``text`` is no answer in the form asked for."""
    parse(text)
