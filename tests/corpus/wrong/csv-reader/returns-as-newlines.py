# fails: equals read_rows
"""Line ends are made alike first, so that those in quotes and single returns are gone, too."""


def read_rows(text, delimiter=",", quote='"'):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows, row, i = [], [], 0
    while i < len(text):
        if text[i] == quote:
            field, i = "", i + 1
            while True:
                end = text.find(quote, i)
                if end < 0:
                    raise ValueError("unterminated quoted field")
                field += text[i:end]
                i = end + 1
                if text[i : i + 1] != quote:
                    break
                field += quote
                i += 1
            if i < len(text) and text[i] not in (delimiter, "\n"):
                raise ValueError("text after closing quote")
        else:
            end = i
            while end < len(text) and text[end] not in (delimiter, "\n"):
                end += 1
            field, i = text[i:end], end
        row.append(field)
        if i < len(text) and text[i] == delimiter:
            i += 1
            if i < len(text):
                continue
            row.append("")
        rows.append(row)
        row = []
        i += 1
    return rows
