"""Faults of the machine under a whole run: nothing is lost, nothing is graded twice.

Processes are killed at random moments: by default under a few dozen answers, under five
hundred with ``HARNESS_FAULTS=full``. Disks fill up and clocks jump in earnest, too.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.results.read import read_results
from harness.run.select import select

ROOT = Path(__file__).parent.parent
FULL = os.environ.get("HARNESS_FAULTS") == "full"
ANSWERS, KILLS, DRIVERS = (500, 60, 6) if FULL else (36, 6, 1)
SEED = 11
SCENARIOS = ("clipped-gradient", "kernel-wrapper", "memory-relu")
APART_S = 20.0
PATIENCE_S = 3600 if FULL else 600


def write_answers(file: Path) -> None:
    """Right and wrong answers, no two with the same bytes."""
    rows = []
    for number in range(ANSWERS):
        scenario = SCENARIOS[number % len(SCENARIOS)]
        arm, who = (("reference", "harness"), ("naive", "naive"))[number // len(SCENARIOS) % 2]
        code = (ROOT / "solutions" / arm / who / f"{scenario}.py").read_text()
        rows.append(
            {
                "task_id": scenario,
                "sample_id": number,
                "arm": arm,
                "solution": f"{code}\n# {number}\n",
            }
        )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    options = ["--solutions", folder / "answers.jsonl", "--out", folder / name, "--seed", SEED]
    options += ["--ledger", folder / f"{name}.sqlite", "-j", 2]
    command = [sys.executable, "-m", "harness", "run", ROOT / "scenarios", *options]
    return subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


PARTS = {
    "ancestor": "ancestor",
    "zygote": "zygote",
    "fork_graders": "parent of graders",
    "grade_tasks": "grader",
    "python3": "candidate",
}


def below(pid: int) -> dict[int, str]:
    """Every process below ``pid``, with its part in the run."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # Hostile code of another test may have any bytes for its name.
                stat = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
                names[int(entry.name)] = (entry / "comm").read_text(errors="replace").strip()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat[1])
    found: dict[int, str] = {}
    generation = [pid]
    for depth in range(6):
        generation = [p for p, parent in parents.items() if parent in generation]
        for process in generation:
            part = PARTS.get(names[process])
            if part == "zygote" and depth > 2:
                part = "candidate"  # just forked, with its parent's name
            if part is not None and (part != "candidate" or depth > 1):
                found[process] = part
    return found


def grades(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as connection:
        return int(connection.execute("SELECT count(*) FROM grade").fetchone()[0])


def without_times(file: Path) -> Any:
    results = json.loads(file.read_text())
    for entry in results["submissions"]:
        entry["wall_s"] = None
    return results["submissions"]


@pytest.mark.slow
def test_a_run_whose_processes_are_killed_ends_with_the_grades_of_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    rng = random.Random(SEED)
    write_answers(tmp_path / "answers.jsonl")
    calm = start(tmp_path, "calm")
    said, _ = calm.communicate(timeout=PATIENCE_S)
    assert calm.returncode == 0, said

    ledger = tmp_path / "stormy.sqlite"
    killed: list[str] = []
    graded = progress = 0
    last_candidate = -math.inf
    give_up = time.monotonic() + PATIENCE_S
    while True:
        before = grades(ledger)
        run = start(tmp_path, "stormy")
        while run.poll() is None:
            assert time.monotonic() < give_up
            time.sleep(rng.uniform(0.1, 0.8))
            processes = below(run.pid)
            parts = set(processes.values())
            # A candidate that ends twice in a row is held to have ended by itself.
            if time.monotonic() - last_candidate < APART_S:
                parts -= {"candidate"}
            # A run in which nothing can be graded any more gives up, as it should.
            if len(killed) >= KILLS or not parts or grades(ledger) <= max(before, progress):
                continue
            progress = grades(ledger)
            if killed.count("driver") < DRIVERS and rng.random() < 0.3:
                os.kill(run.pid, signal.SIGKILL)
                killed.append("driver")
                run.wait()
                _await_end(processes)
                break
            part = rng.choice(sorted(parts))
            victim = rng.choice([pid for pid, name in processes.items() if name == part])
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(part)
            if part == "candidate":
                last_candidate = time.monotonic()
        said, _ = run.communicate()
        if run.returncode != -signal.SIGKILL:
            break
        graded += grades(ledger) - before
    assert run.returncode == 0, said
    assert len(killed) >= 2, f"the run was over too soon: {killed}"
    (found,) = re.findall(r"\((\d+) from the ledger, (\d+) graded now\)", " ".join(said.split()))
    assert int(found[0]) == before == graded
    assert int(found[0]) + int(found[1]) == grades(ledger) == ANSWERS
    stormy = without_times(tmp_path / "stormy" / "results.json")
    assert stormy == without_times(tmp_path / "calm" / "results.json"), killed


def _await_end(processes: dict[int, str]) -> None:
    """What a killed driver has started must end by itself."""
    give_up = time.monotonic() + 30.0
    left = dict(processes)
    while left:
        left = {pid: name for pid, name in left.items() if _runs(pid)}
        assert time.monotonic() < give_up, f"still running: {left}"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()[0] != b"Z"
    except OSError:
        return False


# --------------------------------------------------------------------------
# A disk that is full


@dataclass(frozen=True)
class Disk:
    """A small file system that only what is run on it can see."""

    folder: Path
    # A process that sees it, too, and keeps it there.
    keeper: int

    @property
    def inside(self) -> Path:
        """Its folder, as this process reaches it."""
        return Path(f"/proc/{self.keeper}/root{self.folder}")

    def leave(self, free_bytes: int) -> None:
        """Fill the disk up."""
        self.make_room()
        found = os.statvfs(self.inside)
        with (self.inside / "ballast").open("wb") as file:
            file.write(bytes(found.f_bavail * found.f_bsize - free_bytes))

    def make_room(self) -> None:
        (self.inside / "ballast").unlink(missing_ok=True)

    def within(self, *command: str | Path, cwd: Path) -> list[str]:
        """The command line that runs ``command`` where the disk is seen."""
        enter = ["nsenter", f"--target={self.keeper}", "--mount", "--", "sh", "-c"]
        return [*enter, 'cd "$0" && exec "$@"', *map(str, (cwd, *command))]

    def content(self) -> dict[str, bytes | str]:
        """Files and what is in them, links and where they point, folders."""
        found: dict[str, bytes | str] = {}
        for entry in self.inside.rglob("*"):
            name = str(entry.relative_to(self.inside))
            if entry.is_symlink():
                found[name] = str(entry.readlink())
            elif name != "ballast":
                found[name] = entry.read_bytes() if entry.is_file() else "folder"
        return found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=16m tmpfs '{folder}' && echo mounted && exec sleep 600"
    if not all(map(shutil.which, ("unshare", "nsenter", "mount"))):
        pytest.skip("needs unshare, nsenter and mount to make a small disk")
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        if not keeper.stdout.readline():
            pytest.skip(f"a small disk cannot be mounted here: {keeper.stderr.read().strip()}")
        try:
            yield Disk(folder, keeper.pid)
        finally:
            keeper.kill()


def write_few(file: Path, count: int, *, alike: bool = False) -> None:
    """Right answers; those that are ``alike`` have the same bytes and are graded once."""
    code = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()
    rows = [
        {
            "task_id": "clipped-gradient",
            "sample_id": number,
            "arm": "a",
            "solution": f"{code}\n# {0 if alike else number}\n",
        }
        for number in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def pickled_bytes(values: Sequence[object]) -> int:
    """What they take where they lie on disk one by one."""
    return sum(len(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) for value in values)


def command(answers: Path, ledger: Path, *options: str | Path) -> list[str]:
    told = [ROOT / "scenarios", "--solutions", answers, "--ledger", ledger, "-j", "1", *options]
    return [sys.executable, "-m", "harness", "run", *map(str, told)]


def finish(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **how
    )


def complaint(done: subprocess.CompletedProcess[str], status: int = 3) -> str:
    """The one message with which a run ended."""
    assert done.returncode == status, done.stderr + done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("harness: ")
    return lines[0]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with more answers than fit on one page, and the ledger that knows them."""
    folder = tmp_path_factory.mktemp("graded")
    write_few(folder / "answers.jsonl", 201, alike=True)
    run = command(folder / "answers.jsonl", folder / "ledger.sqlite", "--out", "reports/calm")
    done = finish(run, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_disk_that_fills_while_reports_are_written_leaves_those_that_were_there(
    graded: Path, disk: Disk
) -> None:
    again = command(graded / "answers.jsonl", graded / "ledger.sqlite", "--out", "reports/mine")
    assert finish(disk.within(*again, cwd=disk.folder)).returncode == 0
    before = disk.content()
    assert before["reports/latest"] == "mine"
    sizes = {name: len(text) for name, text in before.items() if isinstance(text, bytes)}
    page = sizes["reports/mine/report.html"]
    pages = sum(size for name, size in sizes.items() if "/submissions/" in name)
    whole = sum(sizes.values())
    # What lies there without a name until the reports are written.
    beside = pickled_bytes(read_results(disk.inside / "reports/mine/results.json").records)
    unnamed = r"reports/[\w-]+: a temporary file cannot be written there: No space left"
    for free_bytes, name in (
        (0, None),
        (beside + page, "results.json"),
        (beside + whole - page - pages // 4, "submissions/0002.html"),
        (beside + whole - page // 2, "report.html"),
    ):
        disk.leave(free_bytes)
        # Into the old folder, and beside it.
        options = again if free_bytes else again[:-2]
        said = complaint(finish(disk.within(*options, cwd=disk.folder)))
        named = rf"reports/[\w-]+/{name}: cannot be written: No space left .* the disk has room"
        assert re.search(named if name else unnamed, said), said
        assert disk.content() == before
    disk.make_room()
    done = finish(disk.within(*again, cwd=disk.folder))
    assert done.returncode == 0, done.stderr
    assert "(201 from the ledger, 0 graded now)" in " ".join(done.stdout.split())
    assert disk.content().keys() == before.keys()


def test_a_disk_that_fills_under_the_ledger_keeps_what_was_graded(
    tmp_path: Path, disk: Disk
) -> None:
    write_few(tmp_path / "answers.jsonl", 4)
    ledger = disk.folder / "ledger.sqlite"
    run = disk.within(*command(tmp_path / "answers.jsonl", ledger), cwd=tmp_path)
    disk.leave(0)
    said = complaint(finish(run))
    assert f"{ledger}: no ledger can be made there" in said
    assert not disk.content()
    # For the ledger, its journal and two grades.
    disk.leave(40_960)
    said = complaint(finish(run))
    assert f"{ledger}: database or disk is full. The disk is full: make room" in said
    assert "finished grades are kept" in said
    assert not any((tmp_path / "reports").iterdir())
    disk.make_room()
    done = finish(run)
    assert done.returncode == 0, done.stderr
    (kept,) = re.findall(r"\((\d) from the ledger", " ".join(done.stdout.split()))
    assert 0 < int(kept) < 4
    assert set(disk.content()) == {"ledger.sqlite"}


def test_a_disk_without_room_for_temporary_files_is_named(graded: Path, disk: Disk) -> None:
    run = command(graded / "answers.jsonl", graded / "ledger.sqlite", "--seed", "1")
    before = sorted((graded / "reports").iterdir())
    environment = {**os.environ, "TMPDIR": str(disk.folder)}
    answers = pickled_bytes(select(ROOT / "scenarios", [graded / "answers.jsonl"]).submissions)
    for free_bytes, problem in (
        (8192, "a temporary file cannot be written there: No space left on device"),
        (answers + 16384, "the sandbox cannot be set up: [Errno 28] No space left on device"),
    ):
        disk.leave(free_bytes)
        said = complaint(finish(disk.within(*run, cwd=graded), env=environment))
        assert problem in said
        assert "TMPDIR" in said
        assert not disk.content()
        assert sorted((graded / "reports").iterdir()) == before


def test_a_disk_that_became_read_only_is_named(graded: Path, disk: Disk) -> None:
    shutil.copy(graded / "ledger.sqlite", disk.inside)
    before = disk.content()
    remount = disk.within("mount", "-o", "remount,ro", disk.folder, cwd=graded)
    subprocess.run(remount, check=True)
    ledger = disk.folder / "ledger.sqlite"
    said = complaint(finish(disk.within(*command(graded / "answers.jsonl", ledger), cwd=graded)))
    assert f"{ledger}: " in said
    assert "The ledger may not be written: change its permissions and those of its folder" in said
    run = command(graded / "answers.jsonl", graded / "ledger.sqlite", "--out", disk.folder / "out")
    said = complaint(finish(disk.within(*run, cwd=graded)), status=2)
    assert f"cannot write to {disk.folder / 'out'}: Read-only file system" in said
    assert disk.content() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_no_failed_gate(graded: Path) -> None:
    run = command(graded / "answers.jsonl", graded / "ledger.sqlite", "--only", "*/1")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            run, cwd=graded, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    done.stdout = ""
    assert "the output of this command: cannot be written: No space left" in complaint(done)
    assert (graded / "reports" / "latest" / "report.html").is_file()


# --------------------------------------------------------------------------
# A clock that jumps

# Each reading of the wall clock is hours or weeks away from the one before.
JUMPING = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static const long by_s[] = {0, 7200, -3 * 86400, 40 * 86400, -3600};
    static unsigned readings;
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += by_s[__sync_fetch_and_add(&readings, 1) % 5];
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into)
        *into = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs cc to make the clock jump")
def test_a_clock_that_jumps_changes_no_grade(graded: Path, tmp_path: Path) -> None:
    (tmp_path / "jumping.c").write_text(JUMPING)
    library = tmp_path / "jumping.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "jumping.c"], cwd=tmp_path, check=True)
    jumping = {**os.environ, "LD_PRELOAD": str(library)}
    now = "import time; print(*(int(time.time() / 3600) for _ in range(5)))"
    read = finish([sys.executable, "-c", now], env=jumping).stdout.split()
    assert len(set(read)) == 5, "the clock does not jump"

    calm = graded / "reports" / "calm" / "results.json"
    seed = json.loads(calm.read_text())["run"]["seed"]
    run = command(graded / "answers.jsonl", tmp_path / "ledger.sqlite", "--seed", str(seed))
    started = time.monotonic()
    done = finish(run, cwd=tmp_path, env=jumping)
    spent_s = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "reports").glob("2*")
    assert re.fullmatch(r"\d{8}-\d{6}", folder.name)
    assert (tmp_path / "reports" / "latest").resolve() == folder
    assert without_times(folder / "results.json") == without_times(calm)
    results = json.loads((folder / "results.json").read_text())
    assert datetime.fromisoformat(results["run"]["started_at"]).tzinfo is not None
    spent = [results["run"]["wall_s"], *(entry["wall_s"] for entry in results["submissions"])]
    assert all(0 < wall_s < spent_s for wall_s in spent)
