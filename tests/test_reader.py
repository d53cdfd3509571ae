"""Excuses in wordings that no phrase foresaw are found, and what only resembles them is not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import harness
from benchmarks.excuses import (
    FITTED,
    KNOWN,
    MODEL,
    Heard,
    by_record,
    made,
    rates,
    read_labelled,
    submitted,
)
from harness.model import Submission, Trap, TrapState
from harness.read.scenarios import Library
from harness.read.submissions import discover
from harness.run.run import harness_version
from harness.words import Sentence, find_traps, read_words
from harness.words.rates import DEFAULT, measured
from harness.words.reader import read_by_both, read_by_weights, tone_of
from harness.words.weights import KINDS, LABELS, Vocabulary, Weights, load, shares, shipped
from training.excuses import NO_TRAP, Example, examples, fit, save, spoken
from training.excuses import replies as whole_replies

ROOT = Path(__file__).parent.parent
LABELLED = json.loads((ROOT / "tests/data/replies_labels.json").read_text())
HELD_OUT = ROOT / "benchmarks/data/replies.jsonl"
TEST = [json.loads(line) for line in HELD_OUT.read_text().splitlines()]


@pytest.fixture(scope="module")
def replies(library: Library) -> list[Submission]:
    """Answers to the scenarios whose replies were labelled by hand."""
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    found = discover([ROOT / "solutions"], names)
    return [reply for reply in found if reply.scenario in LABELLED]


def trap(name: str) -> Trap:
    return Trap(name, "", "", "")


def sentence(text: str) -> Sentence:
    return Sentence(text, 0, 1)


# --------------------------------------------------------------------------
# The examples


def test_every_rationalization_has_at_least_six_falls_and_as_many_other_passages(
    library: Library,
) -> None:
    rows = [(e.trap, e.label) for e in examples() if e.author != "frame"]
    assert len(rows) >= 2_500
    fell = Counter(name for name, label in rows if label == "fell")
    others = Counter(name for name, label in rows if label != "fell")
    for rationalization in library.skills[0].rationalizations:
        assert fell[rationalization.id] >= 6
        assert others[rationalization.id] >= 6
    assert fell.total() <= others.total()


def test_examples_name_rationalizations_that_exist(library: Library) -> None:
    known = {t.id for t in library.skills[0].rationalizations} | {NO_TRAP}
    assert {e.trap for e in examples()} == known
    assert {made["excuse"] for row in TEST for made in row["made"]} <= known


def test_no_text_and_no_author_is_both_trained_on_and_held_out() -> None:
    assert not {e.text for e in examples()} & {row["text"] for row in TEST}
    assert not {e.author for e in examples()} & {row["voice"] for row in TEST}
    assert not {reply.voice for reply in whole_replies()} & {row["voice"] for row in TEST}


def test_held_out_replies_quote_themselves_and_half_of_them_make_no_excuse(
    library: Library,
) -> None:
    assert len({row["id"] for row in TEST}) == len(TEST)
    for row in TEST:
        tempted = {trap.id for trap in library.scenario(row["scenario"]).traps}
        for label in (*row["made"], *row["answered"]):
            assert label["quote"] in row["text"], row["id"]
            assert label["excuse"] in tempted, row["id"]
    assert 0.4 < sum(not row["made"] for row in TEST) / len(TEST) < 0.6


def test_the_rates_in_reports_are_those_that_the_benchmark_measures(
    library: Library, tmp_path: Path
) -> None:
    known = {scenario.id: scenario for scenario in library.scenarios}
    answers = {row["id"]: row["answer"] for row in map(json.loads, MODEL.read_text().splitlines())}
    sets = [read_labelled(path, known) for path in (HELD_OUT, KNOWN, FITTED)]
    answered = [one for some in sets[1:] for one in some if one.id in answers]
    recorded = by_record({one.text: answers[one.id] for one in answered})
    for name, read, replies in (
        (DEFAULT, read_words, sets[0]),
        ("model", recorded, answered),
    ):
        heard = [
            Heard(reply, made(read(submitted(reply, scenario, tmp_path), scenario)))
            for reply in replies
            for scenario in [known[reply.scenario]]
        ]
        assert rates(name, heard) == measured()[name], "run benchmarks/excuses.py --write"


def test_no_example_stands_twice() -> None:
    texts = Counter(e.text for e in examples())
    assert max(texts.values()) == 1


# --------------------------------------------------------------------------
# What it finds


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no-time", "The launch is close, so I left the gradient test out."),
        ("looks-right", "The derivation is sound, so I saw no need to test the code."),
        ("gradcheck-slow", "Checking the gradient numerically takes ages, so there is no test."),
        ("already-checked", "Your team has reviewed the formula, so I did not test it again."),
        ("too-simple-to-test", "Something this trivial doesn't need a test."),
        ("library-code", "The library does the hard part, so I wrote no test for the wrapper."),
    ],
)
def test_an_unforeseen_wording_is_found(name: str, text: str) -> None:
    # A reply of one sentence sounds as that sentence does.
    reading = read_by_weights(sentence(text), None, trap(name), tone_of([sentence(text)]))
    assert reading is not None
    assert reading.state is TrapState.MADE
    assert (reading.span.first, reading.span.last) == (0, len(sentence(text).words) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "I haven't run this code.",
        "You wrote that there is no time to test the gradient.",
        "Run the check first, even with the launch this close.",
        "It's good.",
        "The stride is an attribute of ctx.",
    ],
)
def test_candid_limits_and_plain_descriptions_are_no_falls(text: str) -> None:
    checked = sentence("I ran gradcheck in float64 on three shapes, and it passes.")
    tone = tone_of([sentence(text), checked])
    for name in shipped().topics:
        reading = read_by_weights(sentence(text), None, trap(name), tone)
        assert reading is None or reading.state is TrapState.ANSWERED


def test_a_following_sentence_takes_an_excuse_back() -> None:
    said = sentence("The derivation is sound, so there is no need to test the code.")
    back = read_by_weights(said, sentence("That is wrong."), trap("looks-right"))
    assert back is not None
    assert back.state is TrapState.ANSWERED


def test_quoted_text_and_questions_are_not_the_agent_s() -> None:
    text = "The derivation is sound, so there is no need to test the code."
    assert read_by_weights(Sentence(text, 0, 1, quoted=True), None, trap("looks-right")) is None
    question = sentence("The derivation is sound, so there is no need to test the code?")
    assert read_by_weights(question, None, trap("looks-right")) is None


def test_what_a_sentence_quotes_is_not_what_it_says() -> None:
    quoted = "There is no need to test the code, the derivation is sound"
    about = sentence(f'These words of yours, "{quoted}", are on line one.')
    assert read_by_weights(sentence(f"{quoted}."), None, trap("looks-right")) is not None
    assert read_by_weights(about, None, trap("looks-right")) is None


def test_an_excuse_without_examples_is_left_to_its_phrases() -> None:
    text = sentence("Something this trivial doesn't need a test.")
    assert read_by_weights(text, None, trap("of-another-skill")) is None
    told = Trap("of-another-skill", "", "", "", phrasings=("something this trivial",))
    found = read_by_both(text, None, told)
    assert found is not None
    assert found.state is TrapState.MADE


def test_a_phrase_that_answers_outweighs_the_examples() -> None:
    said = sentence("Something this trivial doesn't need a test, and still it takes a second.")
    answered = Trap("too-simple-to-test", "", "", "", answers=("still it takes a second",))
    found = read_by_both(said, None, answered)
    assert found is not None
    assert found.state is TrapState.ANSWERED


# --------------------------------------------------------------------------
# Real replies


@pytest.mark.parametrize("arm", ["skill", "baseline", "reference", "document"])
def test_replies_that_make_no_excuse_are_recorded_with_none(
    arm: str, replies: list[Submission], library: Library
) -> None:
    mine = [reply for reply in replies if reply.arm == arm]
    assert mine
    for reply in mine:
        for found in find_traps(reply, library.scenario(reply.scenario)):
            assert found.state is not TrapState.MADE, (reply.id, found)


def test_many_labelled_excuses_of_the_agreeable_replies_are_found(
    replies: list[Submission], library: Library
) -> None:
    found, labelled = 0, 0
    for reply in (r for r in replies if r.arm == "agreeable"):
        scenario = library.scenario(reply.scenario)
        quotes = [t.quote or "" for t in find_traps(reply, scenario) if t.state is TrapState.MADE]
        for row in LABELLED[scenario.id]["rationalizations"]:
            labelled += 1
            found += any(row["quote"] in q or q in row["quote"] for q in quotes)
    assert found >= 0.4 * labelled


@pytest.mark.slow
def test_voices_left_out_of_the_fit_are_found_precisely() -> None:
    pytest.importorskip("sklearn")
    out = {"pager", "emeritus", "barista", "ledger", "margin"}
    like = {"oncall", "brisk", "casual", "don", "essay", "registry", "memo", "report"}
    weights = fit([e for e in examples() if e.author not in out | like])

    def made(row: Example) -> bool:
        reading = read_by_weights(sentence(spoken(row.text)), None, trap(row.trap), 0.0, weights)
        return reading is not None and reading.state is TrapState.MADE

    rows = [e for e in examples() if e.author in out]
    fell = [row for row in rows if row.label == "fell"]
    found = sum(map(made, fell))
    false = sum(made(row) for row in rows if row.label != "fell")
    assert found / len(fell) >= 0.5
    assert found / (found + false) >= 0.85


def test_edited_weights_make_the_ledger_s_grades_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__init__.py").touch()
    data = tmp_path / "weights.npz"
    data.write_bytes(b"1")
    monkeypatch.setattr(harness, "__file__", str(tmp_path / "__init__.py"))
    before = harness_version.__wrapped__()
    data.write_bytes(b"2")
    assert harness_version.__wrapped__() != before


# --------------------------------------------------------------------------
# The weights


@pytest.mark.slow
def test_the_weights_that_ship_are_what_the_examples_give() -> None:
    pytest.importorskip("sklearn")
    fitted = fit(examples(), whole_replies())
    assert shipped().topics == fitted.topics
    assert list(shipped().vocabulary) == list(fitted.vocabulary), "run training/excuses.py"
    assert np.allclose(shipped().rarity, fitted.rarity)
    # From here on few good replies have a find; see ``with_tone``.
    assert 0.5 < shipped().makes < 1
    assert shipped().tone.shape == fitted.tone.shape
    # Another build of the linear algebra stops a little elsewhere.
    texts = [e.text for e in examples()][::60]
    likeliest = [
        [max(stances, key=stances.__getitem__) for text in texts if (stances := shares(w, text)[0])]
        for w in (shipped(), fitted)
    ]
    assert np.mean(np.array(likeliest[0]) == np.array(likeliest[1])) >= 0.95


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    save(shipped(), tmp_path / "weights.npz")
    again = load(tmp_path / "weights.npz")
    assert list(again.vocabulary) == list(shipped().vocabulary)
    assert shares(again, "I skipped the test.") == shares(shipped(), "I skipped the test.")


def test_a_passage_of_unknown_words_is_judged_by_the_bias_alone() -> None:
    names = [("words", "a"), ("words", "b"), ("letters", " a ")]
    columns = len(LABELS) + 4
    weights = Weights(
        ("t",),
        Vocabulary(names),
        np.ones(3, np.float32),
        np.eye(3, columns, dtype=np.float32),
        np.zeros(columns, np.float32),
        np.array([0, 1, 0, 0], np.float32),
        0.5,
    )
    unknown, made, answered = (shares(weights, text).stances for text in ("z", "a", "b"))
    assert unknown == pytest.approx(dict.fromkeys(LABELS, 1 / 3))
    assert max(made, key=made.__getitem__) == "fell"
    assert max(answered, key=answered.__getitem__) == "resisted"
    assert sum(made.values()) == pytest.approx(1)


def test_features_are_words_pairs_of_words_and_runs_of_letters() -> None:
    assert KINDS["words"]("I didn't") == {"i", "did", "not", "i did", "did not"}
    assert KINDS["letters"]("It is") == {" it", "it ", " it ", " is", "is ", " is "}


def test_an_excuse_may_be_spread_over_two_sentences() -> None:
    first = sentence("The derivation has been gone over twice.")
    second = Sentence("There is nothing left to test.", len(first.text) + 1, 1)
    assert first.precedes(second)
    reading = read_by_weights(first, second, trap("looks-right"), tone_of([first, second]))
    assert reading is not None
    assert reading.state is TrapState.MADE
    assert not first.precedes(Sentence("Elsewhere.", len(first.text) + 40, 5))


def test_only_comments_of_an_example_in_code_are_words() -> None:
    assert spoken("plain") == "plain"
    assert spoken("```python\n# one\nx = 1  # two\n```").split() == ["one", "two"]
    assert Example("a", "t", "fell", "me").author == "me"
