"""What can be shown of a stranger's text: nothing that moves a cursor, turns a line or hides.

Hidden are controls, formats (bidi marks, zero widths, tags), lone surrogates, private use,
separators of lines and what Unicode has not assigned. Blanks of every width are shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

# Tags, and marks that choose a variant of the sign before them, which Python takes for printable.
_TAGS: Final = "\U000e0000\U000e0fff"

_UNUSUAL: Final = re.compile("[^ -~]")


def printable(text: str, keep: str = "") -> str:
    """``text`` with all that is hidden escaped as in Python, but for the characters in ``keep``."""
    return _with(lambda c: c.encode("unicode_escape").decode(), text, keep)


def visible(text: str) -> str:
    """``text`` with all that is hidden spelled out, as ⟨U+202E⟩.

    Tabs and line feeds stay; a carriage return before a line feed goes.
    """
    return _with(lambda c: f"⟨U+{ord(c):04X}⟩", text.replace("\r\n", "\n"), "\t\n")


def stripped(text: str) -> str:
    """``text`` without all that is hidden, but for tabs and line ends; XML 1.0 can hold it."""
    return _with(lambda c: "", text, "\t\n\r")


def _with(instead: Callable[[str], str], text: str, keep: str) -> str:
    if text.isprintable() and (text.isascii() or max(text) < _TAGS[0]):
        return text

    def shown(found: re.Match[str]) -> str:
        return instead(found[0]) if found[0] not in keep and _is_hidden(found[0]) else found[0]

    return _UNUSUAL.sub(shown, text)


def _is_hidden(character: str) -> bool:
    if character.isprintable():
        return _TAGS[0] <= character <= _TAGS[1]
    return unicodedata.category(character) != "Zs"
