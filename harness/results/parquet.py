"""``results.parquet`` out: the table of ``results.csv`` with types, for pandas, DuckDB and others.

Truth is nullable, names that repeat are dictionaries, and text stands as it is: nothing but a
spreadsheet takes a cell for a formula.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.model import Results
from harness.results.files import replacing
from harness.rows import COLUMNS, rows

if TYPE_CHECKING:
    import pyarrow as pa

# Rows that are in memory at once; a file of fewer, larger groups is read faster.
_GROUP: Final = 5_000
_COUNTS: Final = ("sample", "faults_tried", "faults_noticed")
_TRUTHS: Final = ("right", "verified", "held")
# Different in nearly every row.
_TEXTS: Final = ("id", "path", "sha256", "reason", "verification_reason")


def write_parquet(results: Results, folder: Path) -> None:
    """``results.parquet``, one row per submission. Raises ``ImportError`` without pyarrow."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema()
    with (
        replacing(folder / "results.parquet") as file,
        parquet.ParquetWriter(file, schema) as writer,
    ):
        every = map(_writable, rows(results))
        while group := list(islice(every, _GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _schema() -> pa.Schema:
    import pyarrow as pa

    names = pa.dictionary(pa.int32(), pa.string())
    kinds: dict[str, Any] = {
        **dict.fromkeys(_COUNTS, pa.int32()),
        **dict.fromkeys(_TRUTHS, pa.bool_()),
        **dict.fromkeys(_TEXTS, pa.string()),
        "wall_s": pa.float64(),
    }
    return pa.schema([(name, kinds.get(name, names)) for name in COLUMNS])


def _writable(row: dict[str, object]) -> dict[str, object]:
    """``row`` without lone surrogates, which are no text."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str) and not value.isascii()
        else value
        for name, value in row.items()
    }
