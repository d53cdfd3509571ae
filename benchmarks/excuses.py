"""How well are excuses read in whole replies? Recall, precision and false finds of every reader.

    python benchmarks/excuses.py                # the test set and known replies, by every reader
    python benchmarks/excuses.py --each         # and per excuse and per voice
    python benchmarks/excuses.py --misses       # and what was missed or falsely found, verbatim
    python benchmarks/excuses.py --write        # put the test set's rates into the package
    python benchmarks/excuses.py --reader model:PROVIDER/NAME     # ask a language model, too

A reply is read as in a run: all excuses of its scenario are looked for in its prose, comments and
docstrings. Labels are one per excuse that a reply makes its own. The voices had no part in the
training, and weights and operating point come from the replies in ``training/``. Half are good ones
that come near an excuse and make none. No text of it was looked at; its totals were, three times,
and led to one change: phrases alone had false finds in 4 good replies, as they have in the
training, so that they need the weights' consent since. The third time was after a change that was
decided by the training and the known replies: a next sentence about something else takes no part.
The SHA-256 of the set is printed, so that a later change of it shows.

``known.jsonl`` holds 22 replies that were seen while the readers were built: eleven that give in
and eleven in hard wording that do not. What is found in them is printed apart and is no measurement
of a reader that was fitted since.

``model`` replays what a language model answered that was given a reply, the request and the
excuses with their definitions (``benchmarks/data/model-reader.jsonl``), about the known replies and
about those of an earlier test set, which are among those of the training now: nothing in that model
was fitted to them. Its answers are read as those of ``--reader`` are in a run. Written rates belong
to the reader's name: ``model`` stands for no model that can be asked, and one that was measured
with ``--reader`` is corrected for in reports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.judge import LanguageModel, ModelReader, Readings
from harness.judge.answer import findings, parse
from harness.judge.message import lines_asked
from harness.model import ReadBy, Scenario, Submission, TrapState
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.words import READERS, Reader, WordsRead, read_words
from harness.words.rates import RATES, Rates, measured
from harness.words.shown import shown

ROOT = Path(__file__).parent.parent
DATA = ROOT / "benchmarks/data"
TEST, KNOWN = DATA / "replies.jsonl", DATA / "known.jsonl"
FITTED = ROOT / "training/replies.jsonl"
MODEL = DATA / "model-reader.jsonl"


@dataclass(frozen=True)
class Labelled:
    """A reply with the excuses that it makes and answers."""

    id: str
    scenario: str
    voice: str
    text: str
    made: frozenset[str]
    # Excuses of its scenario.
    tempted: frozenset[str]


@dataclass(frozen=True)
class Heard:
    """A reply and what a reader found in it: the excuses, each with the words it stands on."""

    reply: Labelled
    found: Mapping[str, str]

    @property
    def right(self) -> frozenset[str]:
        return self.reply.made & self.found.keys()

    @property
    def missed(self) -> frozenset[str]:
        return self.reply.made - self.found.keys()

    @property
    def false(self) -> frozenset[str]:
        return frozenset(self.found.keys() - self.reply.made)


def read_labelled(path: Path, known: Mapping[str, Scenario]) -> list[Labelled]:
    """The replies of a set, and what their scenarios tempt into."""
    return [
        Labelled(
            row["id"],
            row["scenario"],
            row["voice"],
            row["text"],
            frozenset(made["excuse"] for made in row["made"]),
            frozenset(trap.id for trap in known[row["scenario"]].traps),
        )
        for row in _rows(path)
    ]


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def submitted(reply: Labelled, scenario: Scenario, folder: Path) -> Submission:
    """A reply as a run would read it."""
    path = folder / f"{reply.scenario}.md"
    path.write_text(reply.text, encoding="utf-8")
    return read_one(path, scenario.id, tuple(entry.name for entry in scenario.entry_points))


def by_record(answers: Mapping[str, str]) -> Reader:
    """What a language model was recorded to have answered, by the reply's text."""

    def read(submission: Submission, scenario: Scenario) -> WordsRead:
        names = [trap.id for trap in scenario.traps]
        answer = parse(answers[submission.text])
        found = findings(answer, shown(submission), names, lines_asked(scenario))
        return WordsRead(found.traps, ReadBy("model", found.dropped), found.opinions)

    return read


def by_model(name: str, api_base: str | None, kept: Path, asked: Sequence[Submission],
             known: Sequence[Scenario]) -> Reader:  # fmt: skip
    """A language model, asked about every reply that ``kept`` has no answer to."""
    reader = ModelReader(LanguageModel(name, api_base=api_base), Readings(kept))
    reader.ask_all(asked, known)
    if reader.missed:
        sys.exit(f"{reader.missed} replies got no answer; give the same command again.")
    return reader


def made(read: WordsRead) -> Mapping[str, str]:
    """The excuses that were read as made, each with its words."""
    return {t.trap: t.quote or "" for t in read.traps if t.state is TrapState.MADE}


def rates(name: str, heard: Sequence[Heard]) -> Rates:
    """What a reader's finds are worth."""
    giving_in = [one for one in heard if one.reply.made]
    good = [one for one in heard if not one.reply.made]
    excuses = {name for one in heard for name in one.reply.tempted}
    return Rates(
        reader=name,
        excuses=tuple(sorted(excuses)),
        made=sum(len(one.reply.made) for one in heard),
        found=sum(len(one.right) for one in heard),
        false=sum(len(one.false) for one in heard),
        giving_in=len(giving_in),
        giving_in_found=sum(bool(one.found) for one in giving_in),
        good=len(good),
        good_found=sum(bool(one.found) for one in good),
    )


def line(told: Rates) -> str:
    """One row of the table."""
    precision = f"{told.found / (told.found + told.false):.2f}" if told.found else "   –"
    recall = f"{told.found / told.made:.2f}" if told.made else "   –"
    return (
        f"precision {precision}  recall {recall} ({told.found} of {told.made})  "
        f"good replies with a false find {told.good_found} of {told.good}  "
        f"giving in with a find {told.giving_in_found} of {told.giving_in}"
    )


def print_each(heard: Sequence[Heard]) -> None:
    """Per excuse and per voice: found of made, and false finds."""
    for what, key in (("excuse", None), ("voice", "voice")):
        made, found, false = Counter[str](), Counter[str](), Counter[str]()
        for one in heard:
            for counter, names in ((made, one.reply.made), (found, one.right), (false, one.false)):
                counter.update([one.reply.voice] * len(names) if key else names)
        for name in sorted(made | false):
            print(f"    {what} {name:28} {found[name]:2} of {made[name]:2}, {false[name]} false")


@dataclass(frozen=True)
class ReplySet:
    """Replies that are read together, as a run would read them."""

    title: str
    replies: Sequence[Labelled]
    sent: Sequence[Submission]
    known: Mapping[str, Scenario]

    def told(self, readers: Mapping[str, Reader], options: argparse.Namespace) -> list[Rates]:
        """Print what each reader finds in them."""
        text = json.dumps([reply.text for reply in self.replies]).encode()
        voices = len({reply.voice for reply in self.replies})
        print(
            f"{self.title}: {len(self.replies)} replies in {voices} voices, SHA-256 "
            f"{hashlib.sha256(text).hexdigest()[:16]}"
        )
        told = []
        for name, read in readers.items():
            heard = [
                Heard(reply, made(read(one, self.known[reply.scenario])))
                for reply, one in zip(self.replies, self.sent, strict=True)
            ]
            told.append(rates(name, heard))
            print(f"{name:9} {line(told[-1])}")
            if options.each:
                print_each(heard)
            if options.misses:
                print_misses(heard)
        return told


def print_misses(heard: Sequence[Heard]) -> None:
    """What was missed or falsely found."""
    for one in heard:
        for excuse in sorted(one.missed):
            print(f"    missed {one.reply.id} {excuse}")
        for excuse in sorted(one.false):
            print(f"    false  {one.reply.id} {excuse}: {one.found[excuse]}")


def recorded_answers() -> Mapping[str, str]:
    """What a language model answered about a reply, by the reply's id."""
    return {row["id"]: row["answer"] for row in _rows(MODEL)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", action="store_true", help="figures per excuse and per voice")
    parser.add_argument("--misses", action="store_true", help="what was missed or falsely found")
    parser.add_argument("--write", action="store_true", help="put the rates into the package")
    parser.add_argument("--reader", metavar="model:PROVIDER/NAME", help="ask this model, too")
    parser.add_argument("--api-base", metavar="URL", help="where it answers")
    parser.add_argument(
        "--readings", type=Path, default=DATA / "readings.jsonl", help="file that keeps its answers"
    )
    options = parser.parse_args()
    known = {scenario.id: scenario for scenario in scenarios.load(ROOT / "scenarios").scenarios}
    answers = recorded_answers()
    with tempfile.TemporaryDirectory() as folder:

        def replies(title: str, paths: Sequence[Path], recorded: bool = False) -> ReplySet:
            read = [one for path in paths for one in read_labelled(path, known)]
            chosen = [one for one in read if one.id in answers or not recorded]
            sent = [submitted(one, known[one.scenario], Path(folder)) for one in chosen]
            return ReplySet(title, chosen, sent, known)

        offline: dict[str, Reader] = {name: partial(read_words, reader=name) for name in READERS}
        replies("known replies", [KNOWN]).told(offline, options)
        answered = replies("with recorded answers", [KNOWN, FITTED], recorded=True)
        model = by_record({one.text: answers[one.id] for one in answered.replies})
        told = answered.told({"model": model}, options)
        test = replies("test set", [TEST])
        if options.reader:
            name = options.reader.removeprefix("model:")
            offline[options.reader] = by_model(
                name, options.api_base, options.readings, test.sent, list(known.values())
            )
        told += test.told(offline, options)
    if options.write:
        # Those of models that were measured at another time stay.
        rows = {**measured(), **{one.reader: one for one in told}}
        written = [asdict(one) for one in rows.values()]
        RATES.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(f"written to {RATES}")


if __name__ == "__main__":
    main()
