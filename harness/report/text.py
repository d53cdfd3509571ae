"""How values read in a report: hostile text made visible, figures told apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

# Controls, formats (bidi, zero width), lone surrogates, private use, line and paragraph separators.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """``text`` with every character that hides or reorders others spelled out, as ⟨U+202E⟩.

    Tabs and line feeds stay; a carriage return before a line feed goes.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(c) if _is_hidden(c) else c for c in text)


def _is_hidden(character: str) -> bool:
    return character not in "\t\n" and unicodedata.category(character) in _HIDDEN


def _spelled(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def figures(measured: float | None, limit: float | None) -> tuple[str, str]:
    """Both figures, with as many digits as it takes to tell them apart."""
    for write in _WRITERS:
        pair = ("" if measured is None else write(measured), "" if limit is None else write(limit))
        if pair[0] != pair[1] or measured == limit:
            break
    return pair


_WRITERS: Final[tuple[Callable[[float], str], ...]] = (
    lambda value: f"{value:.3g}" if value != int(value) or abs(value) >= 1e6 else f"{value:.0f}",
    lambda value: f"{value:.6g}",
    repr,
)


def seconds(wall_s: float) -> str:
    """A duration, e.g. ``3.2 s`` or ``4 min 05 s``."""
    if wall_s < 60:
        return f"{wall_s:.1f} s"
    minutes, rest = divmod(round(wall_s), 60)
    return f"{minutes} min {rest:02d} s"
