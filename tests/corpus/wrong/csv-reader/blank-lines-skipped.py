# fails: equals read_rows
"""Skips blank lines, as exports often have them at the end; here they are rows."""

import csv


def read_rows(text, delimiter=",", quote='"'):
    rows, pending = [], ""
    for line in text.split("\n"):
        pending += line
        if pending.count(quote) % 2:
            pending += "\n"
            continue
        pending = pending.removesuffix("\r")
        if pending:
            try:
                rows += csv.reader([pending], delimiter=delimiter, quotechar=quote, strict=True)
            except csv.Error as error:
                raise ValueError(str(error)) from None
        pending = ""
    if pending:
        raise ValueError("unterminated quoted field")
    return rows
