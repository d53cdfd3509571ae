# fails: raises read_rows
"""A state machine that forgets to look, at the end of the text, whether a field is still open."""


def read_rows(text, delimiter=",", quote='"'):
    rows, row, field = [], [], ""
    state = "start"
    i = 0
    while i < len(text):
        c = text[i]
        if state == "quoted":
            if c != quote:
                field += c
            elif text[i + 1 : i + 2] == quote:
                field += quote
                i += 1
            else:
                state = "closed"
        elif c == delimiter:
            row.append(field)
            field, state = "", "start"
        elif c == "\n" or text[i : i + 2] == "\r\n":
            i += c == "\r"
            rows.append([*row, field])
            row, field, state = [], "", "start"
        elif state == "closed":
            raise ValueError(f"unexpected {c!r} after a closing quote")
        elif c == quote and state == "start":
            state = "quoted"
        else:
            field += c
            state = "bare"
        i += 1
    if row or field or state != "start":
        rows.append([*row, field])
    return rows
