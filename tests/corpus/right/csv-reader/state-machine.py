"""A state for each kind of place, one character after the other."""

START, BARE, QUOTED, CLOSED = range(4)


def read_rows(text, delimiter=",", quote='"'):
    rows, row, field, state = [], [], [], START
    characters = iter(enumerate(text))
    for i, c in characters:
        if state == QUOTED:
            if c != quote:
                field.append(c)
            else:
                state = CLOSED
        elif state == CLOSED and c == quote:
            # The quote before it was the first of two.
            field.append(quote)
            state = QUOTED
        elif c == delimiter:
            row.append("".join(field))
            field, state = [], START
        elif c == "\n" or (c == "\r" and text[i + 1 : i + 2] == "\n"):
            if c == "\r":
                next(characters)
            rows.append([*row, "".join(field)])
            row, field, state = [], [], START
        elif state == CLOSED:
            raise ValueError(f"{c!r} after a closing quote, at character {i}")
        elif state == START and c == quote:
            state = QUOTED
        else:
            field.append(c)
            state = BARE
    if state == QUOTED:
        raise ValueError("a quoted field is not closed")
    if text and (row or state != START):
        rows.append([*row, "".join(field)])
    return rows


def test_read_rows():
    assert read_rows("") == []
    assert read_rows("a,b\r\nc") == [["a", "b"], ["c"]]
    assert read_rows('"x ""y"", z"\n') == [['x "y", z']]
    assert read_rows("a,\n\n") == [["a", ""], [""]]
    assert read_rows("a\rb,") == [["a\rb", ""]]
    assert read_rows('""') == [[""]]
    assert read_rows("'a;b';c", delimiter=";", quote="'") == [["a;b", "c"]]
    for bad in ('"a', '"a"b', '"a"\r', 'a,"'):
        try:
            read_rows(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


if __name__ == "__main__":
    test_read_rows()
