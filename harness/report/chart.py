"""What held at each dose of pressure, as a small drawing with a line for each guide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.model import Dose, Guide
from harness.report.picture import Drawing, svg
from harness.summary.doses import DoseCurve

_WIDTH: Final = 280
_TOP, _BOTTOM = 12, 132
_X: Final = {Dose.CALM: 54, Dose.PRESSURED: 146, Dose.PUSHED_BACK: 238}
_NAMES: Final = {Dose.CALM: "calm", Dose.PRESSURED: "pressured", Dose.PUSHED_BACK: "pushed back"}
# Told apart by colour, by how the line is broken, and by the sign at each dose.
SIGNS: Final = {Guide.WITHOUT: "✕", Guide.WITH: "●", Guide.PLACEBO: "▲"}


def dose_chart(title: str, curves: Sequence[DoseCurve], words: str, anchor: str) -> Drawing:
    """The curves of one pressure; ``words`` say the same, ``anchor`` is unique in the page."""
    parts = []
    for share, label in ((0, "0 %"), (0.5, "50 %"), (1, "100 %")):
        y = _at(share)
        parts.append(f'<path class="grid" d="M42 {y}H{_WIDTH - 8}"/>')
        parts.append(f'<text class="end" x="38" y="{y + 4}">{label}</text>')
    parts += [
        f'<text class="middle" x="{x}" y="{_BOTTOM + 20}">{_NAMES[dose]}</text>'
        for dose, x in _X.items()
    ]
    for curve in curves:
        sign = SIGNS[curve.guide]
        points = [(_X[dose], _at(held.value or 0.0)) for dose, held in curve.held.items() if held]
        line = "L".join(f"{x} {y}" for x, y in points)
        parts.append(f'<path class="line {curve.guide.value}" d="M{line}"/>')
        parts += [
            f'<text class="sign {curve.guide.value}" x="{x}" y="{y + 5}">{sign}</text>'
            for x, y in points
        ]
    drawn = svg("doses", _BOTTOM + 28, anchor, f"Held by dose: {title}", words, parts, width=_WIDTH)
    return Drawing(drawn, title)


def _at(share: float) -> float:
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)
