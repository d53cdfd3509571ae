"""Lines of a text, as Python and Markdown count them: which one an offset is on, where one starts.

``str.splitlines`` knows seven line ends more and is not used for text that lines point into.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import lru_cache

_END = re.compile(r"\r\n|\r|\n")


def split_lines(text: str) -> list[str]:
    """The lines of ``text`` without their ends; at least one."""
    return _END.split(text)


class LineIndex:
    """Where the lines of one text start. It is read once; each look-up takes O(log lines)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = array("q", [0])
        self._starts.extend(match.end() for match in _END.finditer(text))

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, offset: int) -> int:
        """The line, from 1, that holds the character at ``offset``, from 0."""
        return bisect_right(self._starts, offset)

    def start(self, line: int) -> int:
        """The offset at which ``line`` starts; of a line beyond the last, the end of the text."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self._text)

    def content(self, line: int) -> str:
        """``line`` with its end."""
        return self._text[self.start(line) : self.start(line + 1)]


@lru_cache(maxsize=1)
def line_index(text: str) -> LineIndex:
    """The index of ``text``. Readers that look at the same text in turn share one."""
    return LineIndex(text)
