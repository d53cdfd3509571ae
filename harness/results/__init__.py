"""``results.json`` in and out; ``results.csv`` and ``junit.xml`` out."""

from harness.results.csv import write_csv
from harness.results.files import replace_file, together
from harness.results.format import schema
from harness.results.junit import write_junit
from harness.results.read import read_results
from harness.results.write import write_results

__all__ = [
    "read_results",
    "replace_file",
    "schema",
    "together",
    "write_csv",
    "write_junit",
    "write_results",
]
