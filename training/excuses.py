"""Fits the weights that read excuses to labelled examples, and writes them into the package.

    python training/excuses.py    # fits harness/words/weights.npz anew

Run it after a change of the examples or of the features. It needs scikit-learn (``.[dev]``).

``sentences.jsonl`` holds passages that were written one by one, each with the excuse it is about,
what it does with it and whose voice it is in; ``frames.yaml`` holds reasons and frames to put them
into; ``replies.jsonl`` holds whole replies with the words that make and that answer an excuse.
Sentences are fitted to all three. How much the tone of a whole reply counts, and from which
probability on an excuse counts as made, is fitted to the replies, each voice read by weights that
do not know it. ``benchmarks/excuses.py`` measures what comes of it in replies of other voices.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.model import Scenario, Trap, TrapState
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.words.reader import FEWEST_WORDS, own_text, read_by_weights
from harness.words.sentence import Sentence, in_context, sentences
from harness.words.voice import own_words
from harness.words.weights import KINDS, LABELS, Vocabulary, Weights, gives_in, log_odds, shares

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "harness/words/weights.npz"
# Topic of passages that are about none of the excuses.
NO_TRAP = "*"
# Share of the excuses found in replies of unknown voices that must be made there.
PRECISION = 0.95
# Share of the good replies in which one may be found all the same.
GOOD_FOUND = 0.02
# A sentence of a whole reply counts as much as so many that were written one by one: most
# sentences of a reply are like these.
_REPLY_COUNTS = 4.0
_VOICES_AT_ONCE = 6
_REPLY_STRENGTH = 10.0
# Features seen in fewer examples say nothing about other passages.
_FEWEST = 2
_PENALTY = 3e-5
_ROUNDS = 120
# Every frame would drown the sentences that were written one by one.
_FRAME_STEP = 4


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


@dataclass(frozen=True)
class Reply:
    """A whole reply: its sentences, and for each excuse of its scenario whether it is made."""

    voice: str
    said: tuple[Sentence, ...]
    made: Mapping[str, bool]
    # Per sentence: what it does, and with which excuses.
    labels: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def replies() -> tuple[Reply, ...]:
    """The labelled replies, read as in a run."""
    lines = (HERE / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    known = {each.id: each for each in scenarios.load(HERE.parent / "scenarios").scenarios}
    return tuple(_reply(json.loads(line), known) for line in lines)


def _reply(row: Mapping[str, Any], known: Mapping[str, Scenario]) -> Reply:
    scenario = known[row["scenario"]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "reply.md")
        path.write_text(row["text"], encoding="utf-8")
        names = tuple(entry.name for entry in scenario.entry_points)
        said = sentences(read_one(path, scenario.id, names))
    made = {name["excuse"] for name in row["made"]}
    return Reply(
        row["voice"],
        said,
        {trap.id: trap.id in made for trap in scenario.traps},
        tuple(_label(sentence, row) for sentence in said),
    )


def _label(sentence: Sentence, row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    for key, label in (("made", "fell"), ("answered", "resisted")):
        about = tuple(each["excuse"] for each in row[key] if _shares(sentence, each["quote"], row))
        if about:
            return label, about
    return "none", (NO_TRAP,)


def _shares(sentence: Sentence, quote: str, row: Mapping[str, Any]) -> bool:
    """Whether a sentence holds a fair part of a quote."""
    start = row["text"].find(quote)
    both = min(sentence.start + len(sentence.text), start + len(quote))
    return both - max(sentence.start, start) >= min(len(quote), len(sentence.text)) / 2


def _sentences_of(whole: Sequence[Reply]) -> Iterator[Example]:
    for reply in whole:
        for sentence, (label, about) in zip(reply.said, reply.labels, strict=True):
            if len(sentence.words) >= FEWEST_WORDS:
                text = own_words(sentence)
                for name in about:
                    yield Example(text, name, label, reply.voice)


def fit(rows: Sequence[Example], whole: Sequence[Reply] = ()) -> Weights:
    """Weights fitted to labelled examples and to the sentences of whole replies; no tone."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    inside = list(_sentences_of(whole))
    counts = [1.0] * len(rows) + [_REPLY_COUNTS] * len(inside)
    rows = [*rows, *inside]
    texts = [spoken(row.text) for row in rows]
    vectorizers = {
        kind: TfidfVectorizer(
            # In one order: the regressions stop before the last digit, which depends on it.
            analyzer=lambda text, features=features: sorted(features(text)),
            binary=True,
            min_df=_FEWEST,
            dtype=np.float32,
        )
        for kind, features in KINDS.items()
    }
    table = hstack([v.fit_transform(texts) for v in vectorizers.values()]).tocsr()
    names = [(kind, name) for kind, v in vectorizers.items() for name in v.get_feature_names_out()]
    topics = tuple(sorted({row.trap for row in rows if row.label == "fell"}))
    excuses = (*topics, *LABELS[1:])

    def regression(classes: Sequence[int]) -> LogisticRegression:
        strength = 1 / (_PENALTY * len(rows))
        model = LogisticRegression(C=strength, max_iter=_ROUNDS, tol=1e-3)
        return model.fit(table, classes, sample_weight=counts)

    fitted = [
        regression([LABELS.index(row.label) for row in rows]),
        regression([excuses.index(row.trap if row.label == "fell" else row.label) for row in rows]),
    ]
    # Without replies nothing is known of them.
    coefficients, constant = np.zeros((1, len(names))), np.zeros(1)
    if whole:
        read = [own_text(reply.said) for reply in whole]
        replies_table = hstack([v.transform(read) for v in vectorizers.values()]).tocsr()
        any_made = [any(reply.made.values()) for reply in whole]
        model = LogisticRegression(C=_REPLY_STRENGTH, max_iter=_ROUNDS)
        model.fit(replies_table, any_made)
        coefficients, constant = model.coef_, model.intercept_
    return Weights(
        topics,
        Vocabulary(names),
        np.concatenate([v.idf_ for v in vectorizers.values()]).astype(np.float32),
        np.concatenate([*(each.coef_ for each in fitted), coefficients]).T.astype(np.float32),
        np.concatenate([*(each.intercept_ for each in fitted), constant]).astype(np.float32),
        np.array([0, 1, 0, 0], np.float32),
        0.5,
    )


@dataclass(frozen=True)
class Heard:
    """An excuse in a reply, as weights heard it that do not know the voice."""

    # Number of the reply.
    reply: int
    made: bool
    # Log odds of the most telling sentence alone, and of that it is about this excuse.
    alone: float
    about: float
    # Of the whole reply.
    gives_in: float


def with_tone(weights: Weights) -> Weights:
    """The weights with how much the tone counts, and from where on an excuse is made."""
    from sklearn.linear_model import LogisticRegression

    heard = list(_heard_by_strangers())
    table = np.array([[row.alone, row.about, row.gives_in] for row in heard])
    fitted = LogisticRegression().fit(table, [row.made for row in heard])
    tone = np.array([fitted.intercept_[0], *fitted.coef_[0]], np.float32)
    probability = fitted.predict_proba(table)[:, 1]
    return replace(weights, tone=tone, makes=_operating_point(heard, probability.tolist()))


def _heard_by_strangers() -> Iterator[Heard]:
    voices = sorted({reply.voice for reply in replies()})
    for first in range(0, len(voices), _VOICES_AT_ONCE):
        out = voices[first : first + _VOICES_AT_ONCE]
        known = [reply for reply in replies() if reply.voice not in out]
        weights = replace(fit(examples(), known), makes=0.0)
        for number, reply in enumerate(replies()):
            if reply.voice in out:
                yield from _heard(number, reply, weights)


def _heard(number: int, reply: Reply, weights: Weights) -> Iterator[Heard]:
    whole = gives_in(weights, own_text(reply.said))
    for name, made in reply.made.items():
        trap = Trap(name, "", "", "")
        telling = max(
            (
                (reading.weight, sentence)
                for sentence, following in in_context(reply.said)
                if (reading := read_by_weights(sentence, following, trap, 0.0, weights))
                and reading.state is TrapState.MADE
            ),
            key=lambda pair: pair[0],
            default=None,
        )
        alone, about = 0.0, 0.0
        if telling is not None:
            alone = telling[0]
            about = shares(weights, own_words(telling[1])).about[name]
        yield Heard(number, made, log_odds(alone), log_odds(about), whole)


def _operating_point(heard: Sequence[Heard], probability: Sequence[float]) -> float:
    """The lowest probability from which on so few finds are false as the two limits allow."""
    good = {row.reply for row in heard} - {row.reply for row in heard if row.made}
    ranked = sorted(zip(probability, heard, strict=True), key=lambda pair: -pair[0])
    found, chosen = 0, 0
    good_found = set[int]()
    for count, (_, row) in enumerate(ranked, start=1):
        good_found |= {row.reply} & good
        if len(good_found) > GOOD_FOUND * len(good):
            break
        found += row.made
        if found >= PRECISION * count:
            chosen = count
    found = sum(row.made for _, row in ranked[:chosen])
    print(
        f"{len({row.reply for row in heard})} replies, {len(good)} of them good; from "
        f"{ranked[chosen - 1][0]:.2f} on {chosen} excuses are found, {found} of them made, of "
        f"{sum(row.made for row in heard)}"
    )
    return ranked[chosen - 1][0]


def save(weights: Weights, path: Path) -> None:
    """Write weights to ``path`` (``.npz``) as the package reads them, in half precision."""
    np.savez_compressed(
        path,
        topics=np.array("\n".join(weights.topics)),
        rows=np.array("\n".join("\t".join(feature) for feature in weights.vocabulary)),
        rarity=weights.rarity,
        weights=weights.weights.astype(np.float16),
        bias=weights.bias,
        tone=weights.tone,
        makes=weights.makes,
    )


def main() -> None:
    """Fit to every example and write the file that ships with the package."""
    save(with_tone(fit(examples(), replies())), WEIGHTS)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
