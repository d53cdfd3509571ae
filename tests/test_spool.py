"""What is put aside on disk comes back as it was and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_results import HEAVY_BYTES, peak_bytes, real_results

from harness.errors import SpoolError
from harness.run.spool import Spool


def filled(folder: Path, *values: str) -> Spool[str]:
    spool: Spool[str] = Spool(folder)
    for value in values:
        spool.append(value)
    return spool


def test_values_come_back_as_they_were_in_any_order(tmp_path: Path) -> None:
    results = real_results()
    spool: Spool[object] = Spool(tmp_path)
    for record in results.records:
        spool.append(record)
    assert tuple(spool) == results.records
    assert spool[-1] == results.records[-1]
    assert spool[2] == results.records[2]
    assert tuple(spool[1:4]) == results.records[1:4]
    with pytest.raises(IndexError):
        spool[len(spool)]


def test_what_is_added_after_a_look_comes_last(tmp_path: Path) -> None:
    spool = filled(tmp_path, "a", "b")
    assert spool[0] == "a"
    spool.append("c")
    assert list(spool) == ["a", "b", "c"]


def test_values_are_kept_and_ordered_as_told(tmp_path: Path) -> None:
    spool = filled(tmp_path, "a", "b", "c")
    spool.arrange([2, 0])
    assert list(spool) == ["c", "a"]
    spool.append("d")
    assert list(spool) == ["c", "a", "d"]


def test_values_are_not_in_memory() -> None:
    def fill_and_read() -> None:
        spool: Spool[str] = Spool()
        for number in range(200):
            spool.append(f"{number:0{HEAVY_BYTES}}")
        assert sum(len(value) for value in spool) == 200 * HEAVY_BYTES

    assert peak_bytes(fill_and_read) < 10 * HEAVY_BYTES


def test_a_spool_has_no_name_and_its_descriptor_goes_with_it(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    spool = filled(tmp_path, "a")
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before + 1  # noqa: PTH208
    del spool
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=f"{tmp_path}/no: a temporary .* --out DIR"):
        Spool(tmp_path / "no")


FULL_DISK = """
import resource, sys
from pathlib import Path
from harness.errors import SpoolError
from harness.run.spool import Spool
spool = Spool(Path(sys.argv[1]) if sys.argv[1:] else None)
spool.append("before")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    spool.append("x" * 10_000)
except SpoolError as error:
    print(error)
print(list(spool))
"""


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_told_with_a_remedy_and_what_was_kept_stays(
    tmp_path: Path, named: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *([str(tmp_path)] if named else [])],
        capture_output=True,
        text=True,
        check=True,
    )
    where = str(tmp_path) if named else "the folder for temporary files"
    assert done.stdout.startswith(f"{where}: a temporary file cannot be written there: File too")
    assert ("--out DIR" if named else "TMPDIR") in done.stdout
    assert done.stdout.endswith("['before']\n")
    assert done.stderr == ""
