"""A failing gradient as a drawing: what was expected, what came, and the difference.

Plain floats in, inline SVG out. Colours come from the page's style sheet, so that a
drawing follows light and dark; line, dot and sign of a cell tell the same without colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, NamedTuple

from harness.model import Picture
from harness.printable import visible

WIDTH: Final = 560
LEFT: Final = 58
RIGHT: Final = 12
# Cells are coloured in so many steps either side of zero.
STEPS: Final = 4


@dataclass(frozen=True)
class Drawing:
    """A drawing, and the line under it."""

    # Safe to put into a page as it is.
    svg: str
    caption: str


def draw(picture: Picture, anchor: str) -> Drawing | None:
    """The picture as SVG; ``anchor`` is unique in the page.

    ``None`` for a kind that is not drawn: files of other versions hold such.
    """
    if picture.kind not in _KINDS:
        return None
    begin, drawn = _KINDS[picture.kind]
    height, body = drawn(picture)
    title = f"{begin} {picture.what}: expected and got"
    caption = f"{title[:1].upper()}{title[1:]}, for {picture.about}."
    return Drawing(svg("picture", height, anchor, title, _words(picture), body), caption)


def svg(
    kind: str,
    height: int,
    anchor: str,
    title: str,
    words: str,
    parts: Iterable[str],
    *,
    width: int = WIDTH,
) -> str:
    """``parts`` as a drawing of the class ``kind``; ``words`` are for those who do not see it."""
    name = escape(anchor)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{svg_text(title)}</title>'
        f'<desc id="{name}-d">{svg_text(words)}</desc>{"".join(parts)}</svg>'
    )


def svg_text(words: str) -> str:
    """Words of a submission, fit to stand in a drawing."""
    return escape(visible(words))


def _words(picture: Picture) -> str:
    """The drawing for those who do not see it."""
    pairs = [
        (i, e, g)
        for i, (e, g) in enumerate(zip(picture.expected, picture.got, strict=True))
        if e is not None and g is not None
    ]
    lost = len(picture.expected) - len(pairs)
    words = [f"{len(picture.expected)} values."]
    if pairs:
        at, expected, got = max(pairs, key=lambda p: abs(p[1] - p[2]))
        where = f" at {picture.across[at]:g}" if picture.across else f" at element {at}"
        low, high = min(p[1] for p in pairs), max(p[1] for p in pairs)
        words.append(f"Expected values run from {low:.3g} to {high:.3g}.")
        words.append(f"The largest difference is{where}: expected {expected:.4g}, got {got:.4g}.")
    if lost:
        words.append(f"{lost} values are not finite.")
    return " ".join(words)


# --------------------------------------------------------------------------
# Axes


@dataclass(frozen=True)
class Axis:
    """Maps numbers to pixels, and keeps what lies outside at the rim."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        share = min(1.02, max(-0.02, share))
        return round(self.start + share * (self.end - self.start), 1)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers inside."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= raw * 0.999)
        first = math.ceil(self.low / step)
        count = math.floor(self.high / step) - first + 1
        return [round((first + i) * step, 12) for i in range(count)]


def _axis(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> Axis:
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-290):
        margin = abs(high) * 0.5 or 1.0
    else:
        margin = 0.06 * (high - low)
    return Axis(low - margin, high + margin, start, end)


def _typical(values: Sequence[float], wild: Sequence[float]) -> list[float]:
    """``values`` with those of ``wild`` that do not dwarf them."""
    low, high = min(values), max(values)
    size = (high - low) or abs(high) or 1.0
    near = [v for v in wild if low - 2 * size <= v <= high + 2 * size]
    return [*values, *near] if len(near) >= len(wild) / 2 else [*values, *wild]


def _finite(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _largest(values: Sequence[float | None]) -> float:
    return max(map(abs, _finite(values)), default=0.0)


def _gaps(picture: Picture) -> list[float | None]:
    """Got minus expected, where both are numbers."""
    return [
        None if e is None or g is None else g - e
        for e, g in zip(picture.expected, picture.got, strict=True)
    ]


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _frame(x: Axis, y: Axis, *, across: bool) -> list[str]:
    """Grid lines and numbers of a panel."""
    parts = []
    for tick in y.ticks(4):
        at = y.at(tick)
        kind = "zero" if tick == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{x.start} {at}H{x.end}"/>')
        parts.append(f'<text class="end" x="{x.start - 6}" y="{at + 4}">{_number(tick)}</text>')
    if across:
        for tick in x.ticks(7):
            at = x.at(tick)
            parts.append(f'<path class="grid" d="M{at} {y.start}v4"/>')
            parts.append(f'<text class="middle" x="{at}" y="{y.start + 17}">{_number(tick)}</text>')
    return parts


def _dots(points: Sequence[tuple[float, float]]) -> str:
    """Small discs in one path."""
    return "".join(f"M{px:g} {py:g}h0" for px, py in points)


def _legend(y: float) -> list[str]:
    return [
        f'<path class="expected" d="M{LEFT} {y - 4}h22"/>',
        f'<text x="{LEFT + 28}" y="{y}">expected</text>',
        f'<path class="got" d="M{LEFT + 108} {y - 4}h0m9 0h0m9 0h0"/>',
        f'<text x="{LEFT + 134}" y="{y}">got</text>',
    ]


# --------------------------------------------------------------------------
# Kinds


class _Drawn(NamedTuple):
    height: int
    parts: list[str]


def _curve(picture: Picture) -> _Drawn:
    """A line of what is right with dots of what came, and the difference below."""
    expected, got = _finite(picture.expected), _finite(picture.got)
    x = _axis(picture.across, LEFT, WIDTH - RIGHT)
    y = _axis(_typical(expected or [0.0], got), 190, 26)
    line = _line(picture.across, picture.expected, x, y)
    came = [
        (x.at(a), y.at(g))
        for a, g in zip(picture.across, picture.got, strict=True)
        if g is not None
    ]
    gaps = [
        (a, gap) for a, gap in zip(picture.across, _gaps(picture), strict=True) if gap is not None
    ]
    below = _axis([gap for _, gap in gaps], 290, 222, zero=True)
    parts = [
        *_legend(14),
        *_frame(x, y, across=False),
        f'<path class="expected" d="{line}"/>',
        f'<path class="got" d="{_dots(came)}"/>',
        f'<text x="{LEFT}" y="214">difference, got − expected</text>',
        *_frame(x, below, across=True),
        f'<path class="gap" d="{_dots([(x.at(a), below.at(gap)) for a, gap in gaps])}"/>',
    ]
    outside = sum(not y.holds(g) for g in got)
    if outside:
        parts.append(
            f'<text class="end" x="{WIDTH - RIGHT}" y="14">{outside} beyond the frame</text>'
        )
    return _Drawn(312, parts)


def _line(across: Sequence[float], values: Sequence[float | None], x: Axis, y: Axis) -> str:
    path, pen = "", "M"
    for a, value in zip(across, values, strict=True):
        if value is None:
            pen = "M"
            continue
        path += f"{pen}{x.at(a):g} {y.at(value):g}"
        pen = "L"
    return path


def _map(picture: Picture) -> _Drawn:
    """Three grids of cells side by side."""
    columns = picture.columns
    rows = len(picture.expected) // columns
    side = min(34, (WIDTH - 2 * 26) // (3 * columns), 200 // rows + 4)
    gaps = _gaps(picture)
    scale = _largest(picture.expected) or _largest(picture.got)
    parts: list[str] = []
    panels = (
        ("expected", picture.expected, scale),
        ("got", picture.got, scale),
        ("difference", gaps, _largest(gaps)),
    )
    pitch = max(columns * side, 150) + 22
    offset = max(0, (WIDTH - 3 * pitch + 22) // 2)
    for number, (name, values, size) in enumerate(panels):
        left = offset + number * pitch
        parts.append(
            f'<text x="{left}" y="14">{name} <tspan class="soft">±{size:.3g}</tspan></text>'
        )
        parts += _cells(values, columns, size, left, 24, side)
    return _Drawn(24 + rows * side + 8, parts)


def _cells(
    values: Sequence[float | None], columns: int, scale: float, left: int, top: int, side: int
) -> list[str]:
    """One path per colour; a minus in negative cells and a cross in those without a number."""
    paths: dict[str, str] = {}
    minus = ""
    for index, value in enumerate(values):
        row, column = divmod(index, columns)
        px, py = left + column * side, top + row * side
        if value is None:
            name = "none"
            minus += f"M{px + 3} {py + 3}l{side - 7} {side - 7}m0 {7 - side}l{7 - side} {side - 7}"
        else:
            share = min(1.0, abs(value) / scale) if scale else 0.0
            # By the square root, so that one large value does not hide the others.
            step = round(math.copysign(STEPS * math.sqrt(share), value))
            name = f"m{-step}" if step < 0 else f"p{step}"
            if step < 0 and side >= 9:
                minus += f"M{px + side // 3} {py + side // 2}h{side // 3}"
        paths[name] = paths.get(name, "") + f"M{px} {py}h{side - 1}v{side - 1}h{1 - side}z"
    parts = [f'<path class="cell {name}" d="{path}"/>' for name, path in sorted(paths.items())]
    if minus:
        parts.append(f'<path class="sign" d="{minus}"/>')
    return parts


# How the title begins, and what draws it.
_KINDS: Final[Mapping[str, tuple[str, Callable[[Picture], _Drawn]]]] = {
    "curve": ("derivative over the domain, from", _curve),
    "map": ("element by element,", _map),
}
