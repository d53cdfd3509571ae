"""A stranger's text is shown in three ways with one definition of what is hidden."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from harness.printable import printable, stripped, visible

HIDDEN = (
    "\x00\x1b\x7f\x9b\xad\u061c\u180e\u200b\u202e\u2028\u2066\ufeff\ufffe\ue000\udc80\U000e0041"
)


@pytest.mark.parametrize("character", HIDDEN)
def test_what_hides_is_escaped_spelled_out_or_left_out(character: str) -> None:
    text = f"é{character}✓"
    assert printable(text) == f"é{character.encode('unicode_escape').decode()}✓"
    assert visible(text) == f"é⟨U+{ord(character):04X}⟩✓"
    assert stripped(text) == "é✓"


def test_blanks_of_every_width_and_signs_of_every_script_are_shown() -> None:
    blanks = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) == "Zs"]
    for text in ("déjà vu ✓ ∂ 例 \U0001f600\ufe0f", "".join(blanks)):
        assert printable(text) == visible(text) == stripped(text) == text


def test_line_ends_are_escaped_only_in_names() -> None:
    text = "a\r\nb\tc\n"
    assert printable(text) == "a\\r\\nb\\tc\\n"
    assert printable(text, keep="\n") == "a\\r\nb\\tc\n"
    assert visible(text) == "a\nb\tc\n"
    assert stripped(text) == text
