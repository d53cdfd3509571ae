"""When each Function was written and verified, as a drawing: one row each, steps in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.model import Event
from harness.report.picture import WIDTH, Drawing, svg, svg_text

_LEFT: Final = 150
_ROW: Final = 26
# More rows or columns than anybody reads.
_MAX_FUNCTIONS, _MAX_STEPS = 20, 40
_SIGNS: Final = {"written": "✎", "changed": "✎", "verified": "✓", "failed": "✗"}


def draw(events: Sequence[Event], anchor: str) -> Drawing | None:
    """The drawing; ``None`` where no order is visible. ``anchor`` is unique in the page."""
    if not events:
        return None
    functions = list(dict.fromkeys(event.function for event in events))[:_MAX_FUNCTIONS]
    steps = sorted({event.step for event in events})[:_MAX_STEPS]
    height = _ROW * (len(functions) + 1)
    gap = (WIDTH - _LEFT - 20) / max(1, len(steps) - 1)
    at = {step: _LEFT + n * gap for n, step in enumerate(steps)}
    parts: list[str] = []
    for row, function in enumerate(functions):
        y = _ROW * row + _ROW / 2
        parts.append(f'<path class="row" d="M{_LEFT} {y}H{WIDTH - 10}"/>')
        parts.append(f'<text x="0" y="{y + 4}">{svg_text(function[:22])}</text>')
        here: dict[int, str] = {}
        for event in events:
            if event.function == function and event.step in at:
                # Of several at one step the last one shows; the words have them all.
                here[event.step] = event.what
        parts += [
            f'<circle class="{what}" cx="{at[step]:.1f}" cy="{y}" r="9"/>'
            f'<text class="sign" x="{at[step]:.1f}" y="{y + 4}">{_SIGNS.get(what, "·")}</text>'
            for step, what in here.items()
        ]
    parts += [
        f'<text class="step" x="{at[step]:.1f}" y="{height - 8}">{step}</text>' for step in steps
    ]
    title = "When each Function was written and verified"
    drawn = svg("timeline", height, anchor, title, words(events), parts)
    return Drawing(drawn, "Steps of the transcript: ✎ written, ✓ verified, ✗ failed.")


def words(events: Sequence[Event]) -> str:
    """The same in words, in order."""
    return "; ".join(f"step {e.step}: {e.function} {e.what}" for e in events[:200])
