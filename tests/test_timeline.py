"""The drawing of what was written and verified says the same to those who do not see it."""

from __future__ import annotations

from xml.etree import ElementTree

from harness.model import Event, EventKind
from harness.report.timeline import draw, words

EVENTS = (
    Event("Swish", EventKind.WRITTEN, 2, 10),
    Event("Swish", EventKind.VERIFIED, 4, 20),
    Event("<Mish>\u202e", EventKind.WRITTEN, 5, 30),
    Event("<Mish>\u202e", EventKind.FAILED, 6, 40),
)


def test_without_events_nothing_is_drawn() -> None:
    assert draw((), "a") is None


def test_every_function_is_a_row_and_every_step_a_column() -> None:
    drawing = draw(EVENTS, "a")
    assert drawing is not None
    root = ElementTree.fromstring(drawing.svg)
    circles = [(c.get("class"), float(c.get("cx", "")), c.get("cy")) for c in root.iter("circle")]
    assert [kind for kind, _, _ in circles] == ["written", "verified", "written", "failed"]
    assert [x for _, x, _ in circles] == sorted({x for _, x, _ in circles})
    assert len({y for _, _, y in circles}) == 2


def test_the_words_stand_in_the_drawing_and_hide_nothing() -> None:
    drawing = draw(EVENTS, 'a"b')
    assert drawing is not None
    root = ElementTree.fromstring(drawing.svg)
    assert root.findtext("desc") == words(EVENTS).replace("\u202e", "⟨U+202E⟩")
    assert "step 4: Swish verified" in words(EVENTS)
    assert (root.get("aria-labelledby") or "").split() == [
        node.get("id") for node in root if node.tag in ("title", "desc")
    ]


def test_hundreds_of_events_stay_a_drawing() -> None:
    many = [Event(f"F{n}", EventKind.WRITTEN, n, n) for n in range(500)]
    drawing = draw(many, "a")
    assert drawing is not None
    assert drawing.svg.count("<circle") == 20
