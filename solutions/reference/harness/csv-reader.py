"""Rows of the tills' exports: fields between delimiters, some of them in quotes."""

import pytest


def read_rows(text: str, delimiter: str = ",", quote: str = '"') -> list[list[str]]:
    """``ValueError`` where a quoted field is not closed or something else follows it."""
    rows: list[list[str]] = []
    row: list[str] = []
    at = 0
    while at < len(text) or row:
        if text.startswith(quote, at):
            field, at = _quoted(text, at + len(quote), quote)
            if _end_of_row(text, at) is None and not text.startswith(delimiter, at):
                raise ValueError(f"expected a delimiter after a quoted field at character {at}")
        else:
            begin = at
            while _end_of_row(text, at) is None and not text.startswith(delimiter, at):
                at += 1
            field = text[begin:at]
        row.append(field)
        after = _end_of_row(text, at)
        if after is None:
            at += len(delimiter)
            continue
        rows.append(row)
        row, at = [], after
    return rows


def _end_of_row(text: str, at: int) -> int | None:
    """Where the next row begins, if a row ends here."""
    if at == len(text) or text.startswith("\n", at):
        return at + 1
    return at + 2 if text.startswith("\r\n", at) else None


def _quoted(text: str, at: int, quote: str) -> tuple[str, int]:
    """The field that begins here, and where the text goes on behind its closing quote."""
    parts: list[str] = []
    while True:
        end = text.find(quote, at)
        if end < 0:
            raise ValueError(f"a quoted field is not closed: {text[at - 1 :][:20]!r}")
        parts.append(text[at:end])
        at = end + 1
        if not text.startswith(quote, at):
            return "".join(parts), at
        parts.append(quote)
        at += 1


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("a", [["a"]]),
        ("a,b\n", [["a", "b"]]),
        ("a\nb", [["a"], ["b"]]),
        ("a\r\nb\r\n", [["a"], ["b"]]),
        ("a\rb", [["a\rb"]]),
        ("\n", [[""]]),
        ("a\n\nb\n\n", [["a"], [""], ["b"], [""]]),
        (",", [["", ""]]),
        ("a,\n,b", [["a", ""], ["", "b"]]),
        (" a , b ", [[" a ", " b "]]),
        ('""', [[""]]),
        ('"a,b",c', [["a,b", "c"]]),
        ('"a\nb\r\n"\r\n"c"\n', [["a\nb\r\n"], ["c"]]),
        ('"say ""hi"""', [['say "hi"']]),
        ('a"b, "c"', [['a"b', ' "c"']]),
    ],
)
def test_reading(text: str, rows: list[list[str]]) -> None:
    assert read_rows(text) == rows


def test_another_dialect() -> None:
    assert read_rows("'a;b';\"c\"\n", delimiter=";", quote="'") == [["a;b", '"c"']]
    assert read_rows("a,b\t'", delimiter="\t") == [["a,b", "'"]]


@pytest.mark.parametrize("text", ['"', '"a', 'a,"b\n', '"""', '"a"b', '"a" ,b', '"a"\r', '"a"\rb'])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quoted field"):
        read_rows(text)
