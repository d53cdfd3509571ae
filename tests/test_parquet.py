"""results.parquet holds what results.csv holds, with types."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from made_results import quick, real_results, simple_results

from harness.cli import main
from harness.model import Results
from harness.results.csv import write_csv
from harness.results.parquet import write_parquet
from harness.results.write import write_results
from harness.rows import COLUMNS

TRUTHS = ["right", "verified", "held"]
FEW = ["scenario", "arm", "submitter", "outcome", "resistance", "broke", "red_flags"]

parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")


def read_back(results: Results, folder: Path) -> pd.DataFrame:
    write_parquet(results, folder)
    return pd.read_parquet(folder / "results.parquet")


def test_the_table_is_that_of_the_csv_and_of_a_notebook(tmp_path: Path) -> None:
    results = real_results()
    table = read_back(results, tmp_path)
    assert tuple(table.columns) == COLUMNS
    found = rows_of(table)
    assert found == rows_of(results.frame())
    write_csv(results, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        text = list(csv.DictReader(file))
    assert [{name: str(value) for name, value in row.items()} for row in found] == text


def rows_of(table: pd.DataFrame) -> list[dict[str, object]]:
    rows = table.astype(object).to_dict("records")
    return [{str(k): "" if pd.isna(v) else v for k, v in row.items()} for row in rows]


def test_truth_is_nullable_and_names_are_dictionaries(tmp_path: Path) -> None:
    table = read_back(real_results(), tmp_path)
    (ungraded,) = table.index[table["outcome"] == "ungraded"]
    assert table.loc[ungraded, [*TRUTHS, "resistance"]].isna().all()
    for name in TRUTHS:
        assert {type(value) for value in table[name].dropna()} == {bool}
    assert all(isinstance(table[name].dtype, pd.CategoricalDtype) for name in FEW)
    kinds = {name: str(table[name].dtype) for name in ("sample", "faults_tried", "wall_s")}
    assert kinds == {"sample": "int32", "faults_tried": "int32", "wall_s": "float64"}


def test_many_rows_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.results.parquet._GROUP", 2)
    names = [f"arm{number % 3}" for number in range(5)]
    results = simple_results(*(quick("layer-norm", arm=name) for name in names))
    assert list(read_back(results, tmp_path)["arm"]) == [one.arm for one in results.records]
    assert parquet.ParquetFile(tmp_path / "results.parquet").num_row_groups == 3


def test_words_stand_as_they_are_and_what_is_no_text_is_spelled_out(tmp_path: Path) -> None:
    told = [quick("layer-norm", reason="=1+é\r\n"), quick("memory-relu", path="a\udcff.md")]
    table = read_back(simple_results(*told), tmp_path)
    assert "=1+é\r\n" in set(table["reason"])
    assert "a\\udcff.md" in set(table["path"])


def test_a_table_of_nothing_has_its_columns(tmp_path: Path) -> None:
    assert tuple(read_back(simple_results(), tmp_path).columns) == COLUMNS


def test_a_report_is_exported_as_parquet(tmp_path: Path) -> None:
    write_results(real_results(), tmp_path / "results.json")
    done = CliRunner().invoke(main, ["report", str(tmp_path), "--export", "parquet"])
    assert done.exit_code == 0, done.output
    assert len(pd.read_parquet(tmp_path / "results.parquet")) == 13


def test_without_pyarrow_nothing_is_graded_and_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from harness.cli import main; main(['run', '--export', 'parquet'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'harness[parquet]'" in " ".join(done.stderr.split())
