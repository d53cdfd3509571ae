"""What one run over thousands of answers costs its driver, and what it leaves behind.

    python benchmarks/run_of_many.py [--answers 10000] [--scenarios layer-norm ...] [--jobs 2]
    python benchmarks/run_of_many.py --answers 300 --replicated 10000

A real ``harness run`` in a process of its own, on answers no two of which are the same: the files
in solutions/, right and wrong, each with a comment of its own. From outside are read, while it
grades and while it writes its reports: memory of the driver (resident, and its fair share of what
it shares with its graders), processes, descriptors and namespaces. Whatever outlives the driver
falls to this process and is counted at the end; if there is any, the exit status is 1.

With ``--replicated`` a second run follows, in which every grade is a copy that the ledger already
has: all that a driver does except waiting for graders. Then the commands that read its results,
each in a process of its own.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import IO

from harness import sandbox
from harness.model import Submission
from harness.run.ledger import Ledger
from harness.run.run import Conditions, key
from harness.run.select import select

ROOT = Path(__file__).parent.parent
SOLUTIONS = ROOT / "solutions"
SCENARIOS = ROOT / "scenarios"
PR_SET_CHILD_SUBREAPER = 36
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
PARTS = (0.1, 0.5)
# A look at the driver costs it nothing, one at everything below it takes a while.
LOOK_S = 0.05
LOOK_WIDELY_S = 2.0
# Processes notice a moment later that their driver has gone.
GRACE_S = 5.0


def main() -> None:
    options = _options()
    # What loses its parent becomes our child, where it can be counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    sent = _submissions(options.scenarios)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graded = _Run(folder / "graded", _answers(sent, options.answers), options.jobs)
        graded.measure()
        _print(graded, f"{options.answers} answers graded, {options.jobs} grader processes")
        if options.replicated:
            copied = _Run(folder / "copied", _answers(sent, options.replicated), options.jobs)
            _copy_grades(graded, copied)
            copied.measure()
            _print(copied, f"{options.replicated} answers with grades from the ledger")
            _print_readers(copied.folder, copied.out)
        sys.exit(any(graded.left.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=10_000, help="answers to grade")
    parser.add_argument("--scenarios", nargs="*", help="ids of scenarios; all without it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--replicated", type=int, default=0, help="answers of a second run that grades nothing"
    )
    return parser.parse_args()


def _submissions(scenarios: Sequence[str] | None) -> list[Submission]:
    """Code and replies of every arm, one arm after the other within a scenario."""
    found = [
        one
        for one in select(SCENARIOS, [SOLUTIONS]).submissions
        if one.kind in ("python", "reply") and (not scenarios or one.scenario in scenarios)
    ]
    if not found:
        sys.exit(f"no solutions of {', '.join(scenarios or ())}")
    return sorted(found, key=lambda one: (one.scenario, one.id))


def _answers(submissions: Sequence[Submission], count: int) -> Iterator[str]:
    """Lines of JSON, each with a text that no other has."""
    for number, one in enumerate(islice(cycle(submissions), count)):
        key, comment = (
            ("solution", f"# answer {number}")
            if one.kind == "python"
            else ("completion", f"<!-- answer {number} -->")
        )
        text = f"{one.text}\n{comment}\n"
        line = {"task_id": one.scenario, "arm": one.arm, "model": one.submitter, key: text}
        yield json.dumps(line) + "\n"


def _copy_grades(source: _Run, target: _Run) -> None:
    """Give ``target`` a grade for each of its answers, from those of the same file."""
    tier = sandbox.choose()
    with Ledger.open(source.ledger) as known, Ledger.open(target.ledger) as book:
        grades = {}
        selected = select(SCENARIOS, [source.answers])
        scenarios = selected.scenario_of()
        conditions = Conditions(known.seed, tier, 1)
        for one in selected.submissions:
            file = one.arm, one.submitter, one.scenario
            if file not in grades:
                grades[file] = known.get(key(one, scenarios[one.scenario], conditions))
        conditions = Conditions(book.seed, tier, 1)
        for one in select(SCENARIOS, [target.answers]).submissions:
            grade = grades.get((one.arm, one.submitter, one.scenario))
            if grade is None:
                sys.exit("too few answers were graded to copy from: give --answers more")
            book.put(key(one, scenarios[one.scenario], conditions), grade)


@dataclass(frozen=True)
class Look:
    """The driver and what is below it, at one moment."""

    when: str
    seconds: float
    graded: int
    # Of the driver: what is resident, and that with shared pages divided among their users.
    resident_bytes: int
    share_bytes: int
    descriptors: int
    # Below the driver; descriptors and namespaces other than ours.
    processes: int
    descriptors_below: int
    namespaces: int


@dataclass
class _Run:
    """One run of the command line in a folder of its own."""

    folder: Path
    lines: Iterator[str]
    jobs: int
    looks: list[Look] = field(default_factory=list)
    # Most that was resident while reports were written.
    report_bytes: int = 0
    grading_s: float = 0.0
    reports_s: float = 0.0
    status: int = 0
    said: str = ""
    left: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Named so that arms.yaml is found beside it.
        (self.folder / "solutions").mkdir(parents=True)
        shutil.copy(SOLUTIONS / "arms.yaml", self.folder / "solutions")
        (self.folder / "tmp").mkdir()
        self.ledger = self.folder / "ledger.sqlite"
        self.out = self.folder / "out"
        self.answers = self.folder / "solutions" / "answers.jsonl"
        with self.answers.open("w") as file:
            file.writelines(self.lines)

    def measure(self) -> None:
        with self.answers.open() as file:
            total = sum(1 for _ in file)
        known = self._graded()
        due = [part for part in PARTS if known < part * total]
        mounts = _mounts()
        started = time.monotonic()
        with (self.folder / "said").open("w+") as said, self._start(said) as driver:
            widely = 0.0
            while driver.poll() is None and not self._writes_reports():
                if time.monotonic() - widely > LOOK_WIDELY_S:
                    widely = time.monotonic()
                    graded = self._graded()
                    look = self._look(driver.pid, "", widely - started, graded)
                    if look and due and graded >= due[0] * total:
                        self.looks.append(_named(look, f"{due.pop(0):.0%} graded"))
                time.sleep(LOOK_S)
            self.grading_s = time.monotonic() - started
            look = self._look(driver.pid, "reports begin", self.grading_s, self._graded())
            self.looks += [look] if look else []
            _forget_peak(driver.pid)
            while driver.poll() is None:
                self.report_bytes = max(self.report_bytes, _status(driver.pid, "VmHWM:"))
                time.sleep(LOOK_S)
            self.reports_s = time.monotonic() - started - self.grading_s
            self.status = driver.returncode
            said.seek(0)
            self.said = said.read().strip().splitlines()[-1]
        _bury_orphans()
        self.left = {
            "processes": len(_below(os.getpid())),
            # Numbers are used again by others, so only those held below us are counted.
            "namespaces": len(_namespaces_below(os.getpid())),
            "mounts": len(_mounts() - mounts),
            # What torch caches there for itself is not ours.
            "temporary files": len(
                [f for f in (self.folder / "tmp").iterdir() if not f.name.startswith("torch")]
            ),
            "drafts": len(list(self.out.rglob(".*"))),
        }

    def _start(self, said: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", "run", str(SCENARIOS),
             "--solutions", str(self.answers), "--out", str(self.out),
             "--ledger", str(self.ledger), "--jobs", str(self.jobs)],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": str(ROOT)},
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def _graded(self) -> int:
        try:
            with sqlite3.connect(f"{self.ledger.as_uri()}?mode=ro", uri=True) as connection:
                return int(connection.execute("SELECT count(*) FROM grade").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0

    def _writes_reports(self) -> bool:
        return self.out.is_dir() and any(self.out.iterdir())

    def _look(self, pid: int, when: str, seconds: float, graded: int) -> Look | None:
        below = _below(pid)
        try:
            return Look(
                when,
                seconds,
                graded,
                int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES,
                _status(pid, "Pss:", "smaps_rollup"),
                _descriptors(pid),
                len(below),
                sum(map(_descriptors, below)),
                len(_namespaces_below(pid)),
            )
        except OSError:
            return None


def _named(look: Look, when: str) -> Look:
    return Look(**{**look.__dict__, "when": when})


# --------------------------------------------------------------------------
# What the kernel says


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _below(pid: int) -> list[int]:
    parents = {}
    for one in _processes():
        try:
            # Anybody's process may have bytes of any kind for its name.
            stat = Path(f"/proc/{one}/stat").read_bytes()
        except OSError:
            continue
        parents[one] = int(stat.rpartition(b")")[2].split()[1])
    below = [pid]
    for parent in below:
        below += [one for one, above in parents.items() if above == parent]
    return below[1:]


def _namespaces_below(pid: int) -> set[str]:
    """Those of processes below ``pid`` that are not its own."""
    return _namespaces(_below(pid)) - _namespaces([pid])


def _namespaces(pids: Sequence[int]) -> set[str]:
    found = set()
    for pid in pids:
        for kind in NAMESPACES:
            try:
                found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
            except OSError:
                continue
    return found


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def _status(pid: int, name: str, file: str = "status") -> int:
    """A figure in bytes; 0 where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    return int(text.split(name)[1].split()[0]) * 1024 if name in text else 0


def _forget_peak(pid: int) -> None:
    """Let the highest resident size of a process begin anew (proc(5), clear_refs)."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError as error:
        print(f"the peak of the reports includes grading: {error}")


def _bury_orphans() -> None:
    """Wait for what fell to us, as init would, while it ends by itself within ``GRACE_S``."""
    given_up = time.monotonic() + GRACE_S
    while time.monotonic() < given_up:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(LOOK_S)


# --------------------------------------------------------------------------


def _print(run: _Run, title: str) -> None:
    print(f"\n{title}\n{run.said}\n")
    print(
        f"{'':16}{'graded':>8}{'s':>8}{'driver RSS':>13}{'PSS':>11}{'fds':>6}"
        f"{'processes below':>18}{'their fds':>11}{'namespaces':>12}"
    )
    for look in run.looks:
        print(
            f"{look.when:16}{look.graded:8}{look.seconds:8.0f}{_mib(look.resident_bytes):>13}"
            f"{_mib(look.share_bytes):>11}{look.descriptors:6}{look.processes:18}"
            f"{look.descriptors_below:11}{look.namespaces:12}"
        )
    print(f"{'reports, most':40}{_mib(run.report_bytes)}")
    first, last = run.looks[0], run.looks[-1]
    if last.graded > first.graded:
        grown = (last.resident_bytes - first.resident_bytes) / (last.graded - first.graded)
        print(f"\ngrown while grading, per answer  {grown / 1024:8.1f} KiB")
    print(f"\ngrading {run.grading_s:.0f} s, reports {run.reports_s:.0f} s, exit {run.status}")
    pages = list((run.out / "submissions").glob("*.html"))
    for name in ("results.json", "results.csv", "junit.xml", "report.md", "report.html"):
        print(f"{name:16}{_mib((run.out / name).stat().st_size):>13}")
    print(f"{f'{len(pages)} pages':16}{_mib(sum(page.stat().st_size for page in pages)):>13}")
    print("left afterwards: " + ", ".join(f"{count} {what}" for what, count in run.left.items()))


def _print_readers(folder: Path, results: Path) -> None:
    """What each command that reads results costs: most that was resident, and time."""
    regrade = ("regrade", results, "--scenarios", SCENARIOS)
    commands = {
        "report": ("report", results, "--out", folder / "again"),
        "regrade, examples": (*regrade, "--reader", "examples", "--out", folder / "examples"),
        "regrade, phrases": (*regrade, "--reader", "phrases", "--out", folder / "phrases"),
        "compare": ("compare", results, results),
    }
    print(f"\n{'command':20}{'RSS, most':>12}{'processor s':>13}{'wall s':>8}{'exit':>6}")
    for name, words in commands.items():
        began = time.monotonic()
        with (folder / "said").open("w") as said:
            command = subprocess.Popen(
                [sys.executable, "-m", "harness", *map(str, words)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(command.pid, 0)
        command.returncode = os.waitstatus_to_exitcode(status)
        seconds = used.ru_utime + used.ru_stime
        print(
            f"{name:20}{_mib(used.ru_maxrss * 1024):>12}{seconds:13.0f}"
            f"{time.monotonic() - began:8.0f}{command.returncode:6}",
            flush=True,
        )


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


if __name__ == "__main__":
    main()
