"""A language model is asked about every reply once, and what it answered is a reading of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import islice
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

# Key, messages, and the reply that they are about.
_Question = tuple[str, Messages, Submission]
# Questions under way at once.
_JOBS: Final = 4
# Questions in a row that came to nothing, after which the model is not asked on.
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
        on_progress(RunProgress(known, len(submissions), known, ""))
        if new:
            asked = (
                (key, messages(scenario_of[one.scenario], shown(one)), one)
                for key, place in new.items()
                for one in [submissions[place]]
            )
            asyncio.run(
                self._ask(asked, RunProgress(known, len(submissions), known, ""), on_progress)
            )

    async def _ask(
        self,
        asked: Iterator[_Question],
        before: RunProgress,
        on_progress: Callable[[RunProgress], None],
    ) -> None:
        vain, done = 0, before.done
        async with self._model.connected(), aclosing(self._answered(asked)) as answered:
            async for key, one, reply in answered:
                if reply.lasting:
                    name = self._model.name
                    kept = KeptReading(key, name, one.scenario, one.id, reply.text, reply.why)
                    self.kept.put(kept)
                else:
                    self._missed[key] = reply.why
                done += 1
                on_progress(replace(before, done=done, last=one.id))
                vain = vain + 1 if reply.text is None else 0
                if vain == _IN_VAIN:
                    raise ReaderSilent(
                        f"{self._model.name} gave no usable answer {vain} times in a row, the "
                        f"last: {reply.why}. What was answered before is in {self.kept.path}; "
                        "grades are in the ledger. See that the model can be reached and give the "
                        "same command again, or leave --reader out."
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

    async def _answered(
        self, asked: Iterator[_Question]
    ) -> AsyncGenerator[tuple[str, Submission, ModelReply], None]:
        """What came of each question, as it comes; few questions are in memory at once."""

        async def one(question: _Question) -> tuple[str, Submission, ModelReply]:
            key, said, submission = question
            return key, submission, await self._model.ask(said, _understand)

        under_way: set[asyncio.Task[tuple[str, Submission, ModelReply]]] = set()
        done: set[asyncio.Task[tuple[str, Submission, ModelReply]]] = set()
        try:
            while True:
                for question in islice(asked, _JOBS - len(under_way)):
                    under_way.add(asyncio.create_task(one(question)))
                if not under_way:
                    return
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in under_way:
                task.cancel()
            # Where one has failed, nobody has asked what came of the others that are done.
            await asyncio.gather(*under_way, *done, return_exceptions=True)


def _understand(text: str) -> None:
    """Raises ``Malformed`` where ``text`` is no answer in the form asked for."""
    parse(text)
