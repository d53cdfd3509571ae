# fails: raises read_rows
"""The standard library, as everybody would: it is lenient about what follows a closing quote."""

import csv
import io


def read_rows(text, delimiter=",", quote='"'):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    return [row or [""] for row in reader]
