"""Submissions that attack: none is accepted, none is blamed on us, none leaves anything behind.

``tests/hostile`` holds them; each begins with what it tries, the verdict it must get and a
pattern for the reason. They are graded in a row with right solutions, which must still pass.
By default the core ones run; ``HARNESS_HOSTILE=full`` runs all of them under both tiers.

Run as a script, this grades the attacks named on the command line and prints JSON.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
import torch

from harness import sandbox
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Finding, Grade, Outcome, Submission
from harness.read import scenarios
from harness.read.submissions.content import Origin, build
from harness.sandbox import zygote as trusted
from harness.sandbox.inside.zygote import USERS
from harness.sandbox.session import Session

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "hostile"
REFERENCES = ROOT / "solutions" / "reference" / "harness"
FULL = os.environ.get("HARNESS_HOSTILE") == "full"
SEED = 20_25
# Long enough for every attack that ends by itself, short enough for those that do not.
WALL_S = 10.0
ABSTRACT = f"hostile-{os.getpid()}"
# After every so many attacks a right solution is graded.
PACK = 6
RIGHT = ("learnable-swish", "memory-relu", "clipped-gradient")
# What is tried as an unprivileged user, too, where not all is.
UNPRIVILEGED = (
    "exit-zero-on-import",
    "forged-setup-failed",
    "fork-bomb",
    "kill-everything",
    "network",
    "write-outside",
)


@dataclass(frozen=True)
class Attack:
    """A hostile submission and what it says about itself."""

    path: Path
    about: dict[str, str]

    @staticmethod
    def read(path: Path) -> Attack:
        pattern = r"^(?:# |<!-- )(\w+): (.*?)(?: -->)?$"
        return Attack(
            path, dict(re.findall(pattern, path.read_text(errors="replace")[:2000], re.M))
        )

    @property
    def runs_here(self) -> bool:
        return self.about.get("machine", platform.machine()) == platform.machine()


ATTACKS = [Attack.read(path) for path in sorted(FOLDER.iterdir())]


@dataclass
class Arena:
    """A sandbox, bait for attacks, and what everything looked like before."""

    zygote: sandbox.Zygote
    bait: Path
    tcp: socket.socket
    udp: socket.socket
    abstract: socket.socket

    def plan(self, scenario: str, wall_s: float | None) -> Plan:
        plan = _plan(scenario)
        if wall_s is not None:
            plan = copy.copy(plan)
            limits = replace(plan.scenario.limits, wall_s=wall_s, cpu_s=wall_s)
            plan.scenario = replace(plan.scenario, limits=limits)
        return plan

    def submission(self, path: Path, scenario: str, plan: Plan) -> Submission:
        raw = path.read_bytes()
        for mark, value in {
            b"@CANARY@": bytes(self.bait),
            b"@PORT@": str(self.tcp.getsockname()[1]).encode(),
            b"@ABSTRACT@": self.abstract.getsockname()[1:],
            b"@ROOT@": bytes(ROOT),
        }.items():
            raw = raw.replace(mark, value)
        names = [entry.name for entry in plan.scenario.entry_points]
        kind = "python" if path.suffix == ".py" else "reply"
        return build(Origin("hostile", "x", scenario, 1, path), raw, names, kind)

    def attack(self, attack: Attack) -> Grade:
        plan = self.plan(attack.about["scenario"], float(attack.about.get("wall", WALL_S)))
        submission = self.submission(attack.path, plan.scenario.id, plan)
        return grade(submission, plan, self.zygote.address)

    def right(self, scenario: str) -> Grade:
        plan = self.plan(scenario, None)
        submission = self.submission(REFERENCES / f"{scenario}.py", scenario, plan)
        return grade(submission, plan, self.zygote.address)

    def assert_untouched(self) -> None:
        """Nothing was written, sent or left running."""
        assert [path.name for path in self.bait.iterdir()] == ["secret"]
        assert (self.bait / "secret").read_text() == "secret"
        for folder in ("/tmp", "/var/tmp", "/dev/shm", "/etc/cron.d"):
            if Path(folder).is_dir():
                assert not [p for p in Path(folder).iterdir() if p.name.startswith("hostile-was")]
                assert not (Path(folder) / "hostile").exists()
        for listener in (self.tcp, self.abstract):
            with pytest.raises(BlockingIOError):
                listener.accept()
        with pytest.raises(BlockingIOError):
            self.udp.recv(1)
        assert self.zygote.alive()
        _soon(lambda: not _candidates(self.zygote), f"left: {_candidates(self.zygote)}")


@cache
def _plan(scenario: str) -> Plan:
    return Plan(scenarios.load(ROOT / "scenarios").scenario(scenario), SEED)


def _soon(condition: Callable[[], bool], message: str) -> None:
    """A killed process is gone in an instant, though not in the same one."""
    give_up = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < give_up, message
        time.sleep(0.01)


def _candidates(zygote: sandbox.Zygote) -> list[str]:
    """Processes below the zygote, less the zygote itself, and any of the users it gives out."""
    parents, names, owners = {}, {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, rest = (folder / "stat").read_text(errors="replace").rsplit(")", 1)
                owners[int(folder.name)] = folder.stat().st_uid
            except OSError:
                continue
            parents[int(folder.name)] = int(rest.split()[1])
            names[int(folder.name)] = f"{name}) {rest.split()[0]}"
    known = {zygote.pid}
    if "namespaces" in zygote.tier.layers:
        known |= {pid for pid, parent in parents.items() if parent == zygote.pid}
    below = {pid for pid, parent in parents.items() if parent in known} - known
    users = range(trusted.SANDBOX_UID, trusted.SANDBOX_UID + USERS)
    return [
        names[pid]
        for pid in parents
        if pid in below
        or (owners[pid] in users and pid not in known and _descends(pid, zygote.pid, parents))
    ]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == ancestor:
            return True
        pid = parents[pid]
    return False


@contextmanager
def _arena(tier: str, folder: Path) -> Iterator[Arena]:
    bait = folder / "bait"
    bait.mkdir()
    (bait / "secret").write_text("secret")
    found = sandbox.choose(at_most=tier)
    with (
        sandbox.Zygote(found) as zygote,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as abstract,
    ):
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        abstract.bind(f"\0{ABSTRACT}-{tier}")
        abstract.listen()
        for listener in (tcp, udp, abstract):
            listener.setblocking(False)
        yield Arena(zygote, bait, tcp, udp, abstract)


@pytest.fixture(scope="module")
def arenas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Arena]]:
    """One arena per tier for all tests: what an attack leaves, the next ones meet."""
    made: dict[str, Arena] = {}
    with ExitStack() as stack:

        def of(tier: str) -> Arena:
            if tier not in made:
                if sandbox.choose(at_most=tier).name != tier:
                    problems = sandbox.probe().problems
                    pytest.skip(f"this machine does not offer tier {tier}: {problems}")
                folder = tmp_path_factory.mktemp(f"tier{tier}")
                made[tier] = stack.enter_context(_arena(tier, folder))
            return made[tier]

        yield of


@pytest.fixture
def arena(arenas: Callable[[str], Arena], tier: str) -> Arena:
    return arenas(tier)


def _programme() -> Iterator[object]:
    """Attacks with right solutions between them, under each tier."""
    for tier in ("A", "B"):
        chosen = [
            attack
            for attack in ATTACKS
            if attack.runs_here and (FULL or tier in attack.about.get("core", ""))
        ]
        for number, attack in enumerate(chosen):
            yield pytest.param(tier, attack, id=f"{tier}-{attack.path.stem}")
            if number % PACK == PACK - 1:
                right = RIGHT[number // PACK % len(RIGHT)]
                yield pytest.param(tier, right, id=f"{tier}-right-{number // PACK}-{right}")
        yield pytest.param(tier, "learnable-swish", id=f"{tier}-right-last")


@pytest.mark.parametrize(("tier", "act"), list(_programme()))
def test_attacks_fail_for_the_reason_given_and_right_solutions_pass(
    arena: Arena, act: Attack | str
) -> None:
    if isinstance(act, str):
        record = arena.right(act)
        assert record.outcome is Outcome.PASSED, record.reason
    else:
        record = arena.attack(act)
        assert record.outcome is Outcome.FAILED, f"{record.outcome}: {record.reason}"
        assert record.held is False
        traces = [record.reason, *map(_trace, record.findings)]
        assert any(re.search(act.about["trace"], trace) for trace in traces), record.reason
        if "verification" in act.about:
            assert record.verification == act.about["verification"], record.verification_reason
    _assert_printable(record)
    arena.assert_untouched()


def _trace(finding: Finding) -> str:
    """A failed finding as the reason of a record would put it."""
    if finding.outcome is not Outcome.FAILED or not finding.required:
        return ""
    about = f"{finding.entry_point}: " if finding.entry_point else ""
    return f"{finding.check}: {about}{finding.message}"


def _assert_printable(record: Grade) -> None:
    """No word of a submission can move a cursor or break a file."""
    said = [record.reason, record.verification_reason, *(f.message for f in record.findings)]
    for text in said:
        assert text.isprintable(), ascii(text)
        assert len(text) < 5000
        text.encode()
    lines = record.findings
    assert all(f.line is None or 0 < f.line < 1_000_000 for f in lines)
    json.dumps([f.measured for f in lines] + [f.limit for f in lines], allow_nan=False)


@pytest.mark.parametrize("tier", ["A"])
def test_what_is_wrong_at_its_first_call_fails_whatever_the_order(
    arena: Arena, tmp_path: Path
) -> None:
    (attack,) = [attack for attack in ATTACKS if attack.path.stem == "sniff-first-call"]
    for number in range(12):
        again = tmp_path / f"{number}.py"
        again.write_text(f"{attack.path.read_text()}\n# {number}\n")
        record = arena.attack(replace(attack, path=again))
        assert record.outcome is Outcome.FAILED, number


def test_the_corpus_is_large_and_every_attack_says_what_it_tries() -> None:
    assert len(ATTACKS) >= 60
    for attack in ATTACKS:
        assert {"scenario", "attack", "expected", "trace"} <= attack.about.keys(), attack.path
        assert attack.about["expected"] == "failed"
        re.compile(attack.about["trace"])


@pytest.mark.parametrize("tier", ["A", "B"])
def test_no_descriptor_mount_or_library_changes(arena: Arena) -> None:
    def snapshot() -> object:
        library = Path(sysconfig.get_paths()["purelib"])
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            {path.name: path.readlink() for path in Path("/proc/self/ns").iterdir()},
            Path("/proc/self/mountinfo").read_text(),
            sorted((path.name, path.stat().st_mtime_ns) for path in library.iterdir()),
        )

    bad = [a for a in ATTACKS if a.path.stem in ("write-outside", "exit-zero-on-import", "daemon")]
    arena.right("learnable-swish")
    before = snapshot()
    for attack in bad:
        arena.attack(attack)
    arena.right("learnable-swish")
    assert snapshot() == before


@pytest.mark.parametrize("tier", ["A", "B"])
def test_sessions_leave_no_namespace_behind(arena: Arena) -> None:
    def namespaces() -> set[str]:
        """Those of processes below the zygote; others come and go with their own sandboxes."""
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    stat = (folder / "stat").read_text(errors="replace").rsplit(")", 1)[1]
                    parents[int(folder.name)] = int(stat.split()[1])
        found = set()
        for pid in parents:
            if _descends(pid, arena.zygote.pid, parents):
                with suppress(OSError):
                    links = (Path("/proc") / str(pid) / "ns").iterdir()
                    found |= {str(link.readlink()) for link in links}
        return found

    _soon(lambda: not _candidates(arena.zygote), "a candidate of an earlier test still runs")
    mine = f"/proc/{arena.zygote.pid}"
    before = namespaces()
    with Session(arena.zygote.address, arena.plan("learnable-swish", None).scenario.limits):
        if "namespaces" in arena.zygote.tier.layers:
            assert len(namespaces() - before) >= 4
    assert Path(mine).exists()
    _soon(lambda: not _candidates(arena.zygote), "the candidate still runs")
    _soon(lambda: not (namespaces() - before), "a namespace is left")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter; pytest closes its own ones now and then."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o777)
        (folder / "python").mkdir()
        yield folder


def _closed(path: Path) -> Path | None:
    """The outermost folder on the way to ``path`` that another user cannot enter."""
    folders = [*reversed(path.resolve().parents), path.resolve()]
    return next((f for f in folders if f.stat().st_mode & 0o005 != 0o005), None)


@pytest.mark.skipif(os.getuid() != 0, reason="already unprivileged: the other tests show it")
def test_an_unprivileged_user_is_as_safe(open_folder: Path) -> None:
    """As another user, with our interpreter made readable by a mount of its own, not by a copy."""
    for path in (ROOT, Path(sys.prefix)):
        if _closed(path) is not None:
            pytest.skip(f"another user cannot read {_closed(path)}")
    private = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
    able = shutil.which("unshare") and shutil.which("setpriv")
    if not able or subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("needs unshare, setpriv and the right to mount")
    home, python = Path(sys.base_prefix).resolve(), open_folder / "python"
    closed = _closed(home)
    # Cover a closed folder by an open one that shows nothing but the interpreter.
    uncover = f"""
        mount --bind {home} {python}
        mount -t tmpfs -o mode=755 tmpfs {closed}
        mkdir -p {home}
        mount --bind {python} {home}
    """
    chosen = [
        attack.path.stem
        for attack in ATTACKS
        if attack.runs_here and (FULL or attack.path.stem in UNPRIVILEGED)
    ]
    names = " ".join(chosen)
    run = f"""
        export TMPDIR={open_folder}/tmp HOME={open_folder}/tmp
        exec setpriv --reuid 64001 --regid 64001 --clear-groups \\
            {sys.executable} -B {__file__} {names}
    """
    done = subprocess.run(
        [*private, (uncover if closed else "") + run],
        capture_output=True,
        text=True,
        timeout=7200 if FULL else 300,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert outcomes.pop("uid") == 64001
    assert set(outcomes.pop("right")) == {"passed"}
    assert outcomes == dict.fromkeys(chosen, "failed")


def main(names: list[str]) -> None:
    """Grade the named attacks with right solutions between them; print the outcomes."""
    torch.set_num_threads(1)
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"arena{os.getpid()}"
    folder.mkdir()
    outcomes: dict[str, object] = {"uid": os.getuid()}
    with _arena("A", folder) as arena:
        right = []
        chosen = [attack for attack in ATTACKS if attack.path.stem in names]
        for number, attack in enumerate(chosen):
            outcomes[attack.path.stem] = arena.attack(attack).outcome
            arena.assert_untouched()
            if number % PACK == PACK - 1 or attack is chosen[-1]:
                right.append(arena.right(RIGHT[number // PACK % len(RIGHT)]).outcome)
        outcomes["right"] = right
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1:])
