"""How well are excuses read in whole replies? Recall, precision and false finds of every reader.

    python benchmarks/excuses.py                # the test set, by every reader
    python benchmarks/excuses.py --dev          # the set that thresholds were chosen on
    python benchmarks/excuses.py --each         # and per excuse and per voice
    python benchmarks/excuses.py --misses       # and what was missed or falsely found, verbatim
    python benchmarks/excuses.py --write        # put the test set's rates into the package

A reply is read as in a run: all excuses of its scenario are looked for in its prose, comments and
docstrings. Labels are one per excuse that a reply makes its own. The voices of both sets had no
part in the training; half of the replies are good ones that come near an excuse and make none.
The SHA-256 of a set is printed, so that a later change of it shows.

``model`` replays what a language model answered that was given a reply, the request and the
excuses with their definitions (``benchmarks/data/model-reader.jsonl``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.model import Scenario, TrapState
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.words import find_traps
from harness.words.rates import RATES, Rates
from harness.words.reader import SentenceReader, read_by_both, read_by_phrases, read_by_weights

ROOT = Path(__file__).parent.parent
DATA = ROOT / "benchmarks/data"
TEST, DEV = DATA / "replies.jsonl", DATA / "replies-dev.jsonl"
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


Reader = Callable[[Labelled], Mapping[str, str]]


def by_sentences(read: SentenceReader, known: Mapping[str, Scenario], folder: Path) -> Reader:
    """A reader of whole replies made of one of sentences."""

    def found(reply: Labelled) -> Mapping[str, str]:
        scenario = known[reply.scenario]
        path = folder / f"{reply.scenario}.md"
        path.write_text(reply.text, encoding="utf-8")
        submission = read_one(path, scenario.id, tuple(e.name for e in scenario.entry_points))
        states = find_traps(submission, scenario, read)
        return {t.trap: t.quote or "" for t in states if t.state is TrapState.MADE}

    return found


def by_model(answers: Mapping[str, Mapping[str, str]]) -> Reader:
    """What a language model was recorded to have answered; only quotes that are verbatim count."""

    def found(reply: Labelled) -> Mapping[str, str]:
        given = answers[reply.id].items()
        return {
            name: quote for name, quote in given if quote in reply.text and name in reply.tempted
        }

    return found


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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="the set that thresholds rest on")
    parser.add_argument("--each", action="store_true", help="figures per excuse and per voice")
    parser.add_argument("--misses", action="store_true", help="what was missed or falsely found")
    parser.add_argument("--write", action="store_true", help="put the rates into the package")
    options = parser.parse_args()
    if options.write and options.dev:
        sys.exit("--write takes the test set: rates of the other are too good.")
    known = {scenario.id: scenario for scenario in scenarios.load(ROOT / "scenarios").scenarios}
    path = DEV if options.dev else TEST
    replies = read_labelled(path, known)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    voices = len({reply.voice for reply in replies})
    print(f"{path.name}: {len(replies)} replies in {voices} voices, SHA-256 {digest}")
    with tempfile.TemporaryDirectory() as folder:
        readers: dict[str, Reader] = {
            name: by_sentences(read, known, Path(folder))
            for name, read in (
                ("phrases", read_by_phrases),
                ("examples", read_by_weights),
                ("both", read_by_both),
            )
        }
        if not options.dev and MODEL.exists():
            recorded = {row["id"]: row["made"] for row in _rows(MODEL)}
            readers["model"] = by_model(recorded)
        told = []
        for name, read in readers.items():
            heard = [Heard(reply, read(reply)) for reply in replies]
            told.append(rates(name, heard))
            print(f"{name:9} {line(told[-1])}")
            if options.each:
                print_each(heard)
            if options.misses:
                for one in heard:
                    for excuse in sorted(one.missed):
                        print(f"    missed {one.reply.id} {excuse}")
                    for excuse in sorted(one.false):
                        print(f"    false  {one.reply.id} {excuse}: {one.found[excuse]}")
    if options.write:
        written = [asdict(one) for one in told]
        RATES.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(f"written to {RATES}")


if __name__ == "__main__":
    main()
