"""A pattern for one field and what ends it; what no field matches is refused."""

import re


class MalformedExport(ValueError):
    """The text is not of the dialect."""


def _field(delimiter, quote):
    q, d = re.escape(quote), re.escape(delimiter)
    quoted = f"{q}(?P<quoted>(?:[^{q}]|{q}{q})*){q}"
    bare = f"(?!{q})(?P<bare>(?:(?!{d}|\n|\r\n)[\\s\\S])*)"
    return re.compile(f"(?:{quoted}|{bare})(?P<end>{d}|\r?\n|\\Z)")


def read_rows(text, delimiter=",", quote='"'):
    pattern, rows, row, position = _field(delimiter, quote), [], [], 0
    while position < len(text) or row:
        match = pattern.match(text, position)
        if match is None:
            raise MalformedExport(f"at character {position}")
        if match["quoted"] is None:
            row.append(match["bare"])
        else:
            row.append(match["quoted"].replace(2 * quote, quote))
        position = match.end()
        if match["end"] != delimiter:
            rows.append(row)
            row = []
    return rows
