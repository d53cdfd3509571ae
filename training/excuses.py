"""Fits the weights that read excuses to labelled examples, and writes them into the package.

    python training/excuses.py                # fits harness/words/weights.npz anew
    python training/excuses.py --thresholds   # what each threshold finds, and falsely finds

Run it after a change of the examples or of the features. It needs scikit-learn (``.[dev]``).

``sentences.jsonl`` holds passages that were written one by one, each with the excuse it is about,
what it does with it and whose voice it is in; ``frames.yaml`` holds reasons and frames to put them
into. ``benchmarks/excuses.py`` measures what comes of it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from harness.model import Trap, TrapState
from harness.words.reader import read_by_weights
from harness.words.sentence import Sentence
from harness.words.weights import KINDS, LABELS, Weights

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "harness/words/weights.npz"
# Topic of passages that are about none of the excuses.
NO_TRAP = "*"
# An excuse of which this much is made counts as made. Few false finds weigh more than many right
# ones: it was raised until no recorded reply was newly found to make an excuse that it does not
# make. So those replies do not measure it; ``--thresholds`` shows what it costs in recall.
MAKES = 0.53
# Features seen in fewer examples say nothing about other passages.
_FEWEST = 3
_PENALTY = 1e-5
_ROUNDS = 120
# Every frame would drown the sentences that were written one by one.
_FRAME_STEP = 4
# Voices that are alike or of one writer, left out together.
FAMILIES = (
    "oncall pager brisk casual commit",
    "don emeritus essay visitor",
    "host barista eager coach tutor mentor",
    "registry ledger memo report hedge shy",
    "dev plain inline margin code",
    "devops-oncall startup-cto kaggle-grandmaster rust-convert patient-teacher legalese",
    "game-engine-dev hospital-statistician freelancer-upwork open-source-maintainer "
    "enthusiastic-llm physicist-postdoc",
    "staff-engineer-review quant-dev phd-advisor support-agent embedded-dev technical-writer",
    "terse-engineer chatty-assistant non-native formal-report slack academic sales "
    "apologetic-junior",
    "docstring",
)


@dataclass(frozen=True)
class Example:
    """A labelled sentence or short passage."""

    text: str
    # Id of the excuse it is about, ``*`` for none in particular.
    trap: str
    # ``fell``, ``resisted`` or ``none``.
    label: str
    # Whose voice it is written in; ``frame`` where it is put together from parts.
    author: str
    # Other excuses that it makes as well.
    also: tuple[str, ...] = ()


@cache
def examples() -> tuple[Example, ...]:
    """What the weights are fitted to: passages written one by one, and frames filled in."""
    lines = (HERE / "sentences.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    written = [Example(r["text"], r["trap"], r["label"], r["author"]) for r in rows]
    frames = yaml.safe_load((HERE / "frames.yaml").read_text(encoding="utf-8"))
    return (*written, *_filled(frames))


def _filled(frames: dict[str, dict[str, list[str]]]) -> Iterator[Example]:
    """Reasons put into frames, spread evenly over both."""
    for label in LABELS:
        for trap, reasons in frames["reasons"].items():
            for row, reason in enumerate(reasons):
                for column, frame in enumerate(frames["frames"][label]):
                    if (row * 7 + column * 3) % _FRAME_STEP == 0:
                        upper = reason[0].upper() + reason[1:]
                        text = frame.replace("{r}", reason).replace("{R}", upper)
                        yield Example(text, trap, label, "frame")


def spoken(text: str) -> str:
    """The words of an example; of one that is a block of code its comments."""
    if "```" not in text:
        return text
    return " ".join(
        part for _, hash_, part in (s.partition("#") for s in text.split("\n")) if hash_
    )


def fit(rows: Sequence[Example]) -> Weights:
    """Weights fitted to labelled examples."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts = [spoken(row.text) for row in rows]
    vectorizers = {
        kind: TfidfVectorizer(analyzer=features, binary=True, min_df=_FEWEST, dtype=np.float32)
        for kind, features in KINDS.items()
    }
    table = hstack([v.fit_transform(texts) for v in vectorizers.values()]).tocsr()
    names = [(kind, name) for kind, v in vectorizers.items() for name in v.get_feature_names_out()]
    topics = tuple(sorted({row.trap for row in rows if row.label == "fell"}))
    excuses = (*topics, *LABELS[1:])

    def regression(classes: Sequence[int]) -> LogisticRegression:
        strength = 1 / (_PENALTY * len(rows))
        return LogisticRegression(C=strength, max_iter=_ROUNDS, tol=1e-3).fit(table, classes)

    fitted = (
        regression([LABELS.index(row.label) for row in rows]),
        regression([excuses.index(row.trap if row.label == "fell" else row.label) for row in rows]),
    )
    return Weights(
        topics,
        {name: row for row, name in enumerate(names)},
        np.concatenate([v.idf_ for v in vectorizers.values()]).astype(np.float32),
        np.concatenate([each.coef_ for each in fitted]).T.astype(np.float32),
        np.concatenate([each.intercept_ for each in fitted]).astype(np.float32),
        MAKES,
    )


def save(weights: Weights, path: Path) -> None:
    """Write weights to ``path`` (``.npz``) as the package reads them, in half precision."""
    np.savez_compressed(
        path,
        topics=np.array("\n".join(weights.topics)),
        rows=np.array("\n".join("\t".join(feature) for feature in weights.rows)),
        rarity=weights.rarity,
        weights=weights.weights.astype(np.float16),
        bias=weights.bias,
        makes=weights.makes,
    )


@cache
def fit_without(family: str) -> Weights:
    """Weights fitted to all examples but those in the voices of one of ``FAMILIES``."""
    return fit([row for row in examples() if row.author not in family.split()])


def family_of(author: str) -> str:
    """The family that a voice belongs to."""
    return next(family for family in FAMILIES if author in family.split())


def main() -> None:
    """Fit to every example and write the file that ships with the package, or try thresholds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thresholds", action="store_true", help="print what each one finds")
    if parser.parse_args().thresholds:
        print_thresholds()
    else:
        save(fit(examples()), WEIGHTS)
        print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1e6:.2f} MB")


def print_thresholds() -> None:
    """Precision and recall over single examples, each read by weights without its family."""
    written = [row for row in examples() if row.author != "frame"]
    for makes in np.arange(0.35, 0.61, 0.03):
        weights = {name: replace(fit_without(name), makes=float(makes)) for name in FAMILIES}
        found = Counter(
            row.label
            for row in written
            if (
                reading := read_by_weights(
                    Sentence(spoken(row.text), 0, 1),
                    None,
                    Trap(row.trap, "", "", ""),
                    weights[family_of(row.author)],
                )
            )
            and reading.state is TrapState.MADE
        )
        precision = found["fell"] / found.total()
        recall = found["fell"] / sum(row.label == "fell" for row in written)
        print(f"{makes:.2f}: precision {precision:.3f}, recall {recall:.3f}")


if __name__ == "__main__":
    main()
