"""How well are excuses found? Precision and recall of the rules and of the whole, per excuse.

    python benchmarks/excuses.py                 # development set, and the test set if it is there
    python benchmarks/excuses.py --test FILE     # another test set
    python benchmarks/excuses.py --brief         # overall figures only
    python benchmarks/excuses.py --docs          # and false finds in torch's own documentation

``dev`` is what the weights are fitted to, so there each author's passages are read by weights
fitted without that author and without every author of a similar voice (this needs scikit-learn).
``test`` is read by the weights that ship; its SHA-256 is printed so that a later change shows.

A passage is read as a whole reply would be. ``found`` counts passages labelled ``fell`` whose
excuse is recorded as fallen for; ``false`` counts other passages for which it is; ``any`` counts
the same over every excuse of the skill instead of the labelled one.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.util
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from harness.model import Scenario, Submission, Trap, TrapState
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.words import Sentence, find_traps, sentences
from harness.words.reader import (
    SentenceReader,
    read_by_both,
    read_by_phrases,
    read_by_weights,
)

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from training.excuses import Example, examples, family_of, fit_without  # noqa: E402

TEST = ROOT / "benchmarks/data/excuses.jsonl"


def read_test(path: Path) -> tuple[Example, ...]:
    """The held-out passages."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Example(r["text"], r["trap"], r["label"], r["author"], _names(r.get("also"))) for r in rows
    )


def _names(also: str | list[str] | None) -> tuple[str, ...]:
    return (also,) if isinstance(also, str) else tuple(also or ())


def all_traps() -> tuple[Trap, ...]:
    """The skill's excuses, each with the phrasings that any scenario adds to it."""
    library = scenarios.load(ROOT / "scenarios")
    found: list[Trap] = []
    for trap in library.skills[0].rationalizations:
        mine = [t for s in library.scenarios for t in s.traps if t.id == trap.id]
        phrasings = dict.fromkeys([*trap.phrasings, *(p for t in mine for p in t.phrasings)])
        answers = dict.fromkeys([*trap.answers, *(a for t in mine for a in t.answers)])
        found.append(replace(trap, phrasings=tuple(phrasings), answers=tuple(answers)))
    return tuple(found)


@dataclass(frozen=True)
class Passage:
    """An example and the excuses that a reader says it falls for or resists."""

    example: Example
    fell: frozenset[str]
    resisted: frozenset[str]


def read_passages(
    rows: Sequence[Example], traps: Sequence[Trap], reader: Callable[[str], SentenceReader]
) -> list[Passage]:
    """Every row read as a reply; ``reader`` is chosen by its author."""
    scenario = cast(Scenario, SimpleNamespace(traps=tuple(traps)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply.md"
        found = []
        for row in rows:
            submission = _submission(path, row.text)
            states = find_traps(submission, scenario, reader(row.author))
            fell = frozenset(f.trap for f in states if f.state is TrapState.MADE)
            resisted = frozenset(f.trap for f in states if f.state is TrapState.ANSWERED)
            found.append(Passage(row, fell, resisted))
    return found


def _submission(path: Path, text: str) -> Submission:
    path.write_text(text, encoding="utf-8")
    return read_one(path, "s", ("op",))


@dataclass(frozen=True)
class Figures:
    """Counts over some passages."""

    made: int
    found: int
    others: int
    false: int
    found_any: int
    false_any: int

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Figures:
        """Count them."""
        fell = [p for p in passages if p.example.label == "fell"]
        others = [p for p in passages if p.example.label != "fell"]
        return cls(
            len(fell),
            sum(bool(p.fell & {p.example.trap, *p.example.also}) for p in fell),
            len(others),
            sum(p.example.trap in p.fell for p in others),
            sum(bool(p.fell) for p in fell),
            sum(bool(p.fell) for p in others),
        )

    def line(self) -> str:
        """One row of the table."""
        precision = f"{self.found / (self.found + self.false):.2f}" if self.found else "   -"
        exact = f"{self.found / self.made:.2f}" if self.made else "   -"
        return (
            f"precision {precision}  recall {exact}  found {self.found:3}/{self.made:<3} "
            f"false {self.false:3}/{self.others:<3} any {self.found_any:3} found "
            f"{self.false_any:3} false"
        )


def read_without(author: str) -> SentenceReader:
    """The phrasings, then weights fitted to voices unlike the author's."""
    weights = fit_without(family_of(author))
    return lambda sentence, following, trap: (
        read_by_phrases(sentence, following, trap)
        or read_by_weights(sentence, following, trap, weights)
    )


LEFT_OUT: Mapping[str, Callable[[str], SentenceReader]] = {
    "rules": lambda _: read_by_phrases,
    "whole": read_without,
}
SHIPPED: Mapping[str, Callable[[str], SentenceReader]] = {
    "rules": lambda _: read_by_phrases,
    "whole": lambda _: read_by_both,
}


def nearest(rows: Sequence[Example], known: Sequence[Example]) -> float:
    """Share of rows that have four words in a row in common with a known example."""

    def runs(text: str) -> set[tuple[str, ...]]:
        plain = [word.text for word in Sentence(text, 0, 1).words]
        return {tuple(plain[i : i + 4]) for i in range(len(plain) - 3)}

    shared: set[tuple[str, ...]] = set().union(*(runs(row.text) for row in known))
    # Words of the code around a comment are nobody's wording.
    prose = [row for row in rows if "```" not in row.text]
    return sum(bool(runs(row.text) & shared) for row in prose) / len(prose)


def documentation() -> Iterator[str]:
    """Docstrings of torch: others' words, full of the vocabulary and free of excuses."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    for pattern in ("autograd/*.py", "utils/checkpoint.py", "nn/modules/*.py", "_t*_docs.py"):
        for file in sorted(root.glob(pattern)):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    yield ast.get_docstring(node) or ""


def print_documentation(traps: Sequence[Trap]) -> None:
    """How many of its sentences each reader takes for an excuse, against every trap at once."""
    scenario = tuple(traps)
    # Every seventh sentence or so is an example of what makes no excuse.
    learnt = {row.text for row in examples()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply.md"
        said = {
            sentence.text: sentence
            for text in dict.fromkeys(documentation())
            for sentence in sentences(_submission(path, text))
            if len(sentence.words) > 4
            and not sentence.text.startswith(">>>")
            and sentence.text not in learnt
        }
    for name, reader in SHIPPED.items():
        read = reader("")
        counts = Counter(
            trap.id
            for sentence in said.values()
            for trap in scenario
            if (found := read(sentence, None, trap)) and found.state is TrapState.MADE
        )
        print(f"docs  {name:11} {counts.total()} false finds in {len(said)} sentences "
              f"times {len(scenario)} excuses: {dict(counts.most_common(5))}")  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--test", type=Path, default=TEST, help="passages in JSON Lines")
    parser.add_argument("--brief", action="store_true", help="overall figures only")
    parser.add_argument("--no-dev", action="store_true", help="leave the development set out")
    parser.add_argument("--docs", action="store_true", help="false finds in torch's documentation")
    options = parser.parse_args()
    traps = all_traps()
    written = [row for row in examples() if row.author != "frame"]
    if not options.no_dev:
        print(f"dev   {len(written)} passages")
        print_table("dev", written, traps, LEFT_OUT, each=not options.brief)
    if options.test.exists():
        test = read_test(options.test)
        digest = hashlib.sha256(options.test.read_bytes()).hexdigest()[:16]
        shared = f"{nearest(test, written):.1%} share four words in a row with an example"
        print(f"test  {len(test)} passages, SHA-256 {digest}, {shared}")
        print_table("test", test, traps, SHIPPED, each=not options.brief)
    if options.docs:
        print_documentation(traps)


def print_table(
    split: str,
    rows: Sequence[Example],
    traps: Sequence[Trap],
    by: Mapping[str, Callable[[str], SentenceReader]],
    *,
    each: bool,
) -> None:
    """Figures of each reader, overall and for each excuse."""
    for name, reader in by.items():
        passages = read_passages(rows, traps, reader)
        print(f"{split:5} {name:6} {Figures.of(passages).line()}")
        for trap in traps if each else ():
            mine = [p for p in passages if p.example.trap == trap.id]
            print(f"      {trap.id:26} {Figures.of(mine).line()}")


if __name__ == "__main__":
    main()
