# fails: equals read_rows
"""A text that ends in a delimiter loses the empty field behind it; so does an empty one in quotes."""


def read_rows(text, delimiter=",", quote='"'):
    rows, row, field, quoted, closed = [], [], "", False, False
    i = 0
    while i < len(text):
        c = text[i]
        if quoted:
            if c == quote and text[i + 1 : i + 2] == quote:
                field += quote
                i += 1
            elif c == quote:
                quoted, closed = False, True
            else:
                field += c
        elif c == delimiter:
            row.append(field)
            field, closed = "", False
        elif c == "\n" or text.startswith("\r\n", i):
            row.append(field)
            rows.append(row)
            row, field, closed = [], "", False
            i += c == "\r"
        elif closed:
            raise ValueError("characters after a quoted field")
        elif c == quote and not field:
            quoted = True
        else:
            field += c
        i += 1
    if quoted:
        raise ValueError("a quoted field is not closed")
    if field:
        row.append(field)
        rows.append(row)
    return rows
