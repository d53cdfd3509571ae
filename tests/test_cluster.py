"""A run on the nodes of a Ray cluster: two nodes on this machine, one of them killed, a token.

``HARNESS_CLUSTER=full`` adds what takes longer: the driver interrupted and killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness import sandbox
from harness.errors import ClusterError, GraderError, UsageError
from harness.model import Grade, Record, Submission
from harness.run import cluster as clusters
from harness.run.cluster import Cluster
from harness.run.ledger import Ledger
from harness.run.pool import grade_all
from harness.run.run import Conditions, grade_selection
from harness.run.select import Selection, select
from harness.sandbox.tier import Probe

ROOT = Path(__file__).parent.parent
TOKEN = "a token of 32 letters or more, for Ray"
SEED = 7
# Right and wrong ones, with and without code.
SCENARIOS, ARMS = ("layer-norm", "learnable-swish"), ("reference", "naive", "baseline", "skill")

full = pytest.mark.skipif(
    os.environ.get("HARNESS_CLUSTER") != "full", reason="HARNESS_CLUSTER=full runs it"
)
pytestmark = [
    # Not imported here: it reads once and for all what the environment says of tokens.
    pytest.mark.skipif(find_spec("ray") is None, reason="needs `pip install 'harness[ray]'`"),
    pytest.mark.filterwarnings("ignore"),  # of Ray's own
]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head that computes nothing and two nodes of one processor; all ask for a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.setenv("PYTHONPATH", str(ROOT))
        import ray
        from ray.cluster_utils import Cluster as Machines

        machines = Machines(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        try:
            for name in ("one", "two"):
                machines.last = machines.add_node(num_cpus=1, node_name=name, wait=False)
            machines.wait_for_nodes()
            yield machines
        finally:
            ray.shutdown()
            machines.shutdown()


@pytest.fixture(scope="module")
def selection(tmp_path_factory: pytest.TempPathFactory) -> Selection:
    """Answers to two scenarios, whose files are nobody's but this module's."""
    scenarios = tmp_path_factory.mktemp("files") / "scenarios"
    shutil.copytree(ROOT / "scenarios", scenarios)
    return select(scenarios, [ROOT / "solutions"], only=SCENARIOS, arm_names=ARMS)


def graded(answers: Any) -> dict[str, object]:
    """What came of each submission, but for times."""
    return {
        submission.id: replace(answer, wall_s=0.0) if isinstance(answer, Grade) else answer
        for submission, answer in answers
    }


def pairs(selection: Selection) -> list[Any]:
    scenario_of = selection.scenario_of()
    return [(one, scenario_of[one.scenario]) for one in selection.submissions]


@full
def test_a_run_that_loses_a_node_and_its_files_gives_what_a_local_run_gives(
    nodes: Any, selection: Selection, tmp_path: Path
) -> None:
    tier = sandbox.choose()
    local = graded(grade_all(pairs(selection), seed=SEED, tier=tier, jobs=2))
    told: list[str] = []
    victim = nodes.last
    with (
        Ledger.open(tmp_path / "ledger.sqlite") as ledger,
        Cluster(nodes.address, tell=told.append) as cluster,
    ):
        assert cluster.tier == tier

        def kill(_: object) -> None:
            nonlocal victim
            if any(host.host.startswith("two") and host.graded for host in cluster.hosts()):
                if victim is not None:
                    # The nodes have copies of their own.
                    for scenario in selection.scenarios:
                        (scenario.path.parent / "oracles.py").unlink(missing_ok=True)
                    nodes.remove_node(victim, allow_graceful=False)
                victim = None

        conditions = Conditions(SEED, tier, 1)
        results = grade_selection(selection, conditions, ledger, cluster=cluster, on_progress=kill)
        kept = len(ledger)
    for scenario in selection.scenarios:
        shutil.copy(ROOT / "scenarios" / scenario.skill / "oracles.py", scenario.path.parent)
    nodes.add_node(num_cpus=1, node_name="two")
    assert victim is None
    assert {one.id: replace(grade_of(one), wall_s=0.0) for one in results.records} == local
    assert kept == len({(one.sha256, one.scenario) for one in selection.submissions})
    one, two = results.run.hosts
    assert one.graded + two.graded == kept
    assert (one.retried, two.retried > 0) == (0, True)
    assert len(told) == 1
    assert "node two" in told[0]
    assert "lost" in told[0]


def grade_of(record: Record) -> Grade:
    return Grade(**{name: getattr(record, name) for name in Grade.__dataclass_fields__})


def test_a_node_with_another_harness_or_a_weaker_sandbox_is_left_out_by_name(
    nodes: Any, selection: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with Cluster(nodes.address, tell=told.append) as cluster:
        weak = next(iter(cluster._seen))
        cluster._seen[weak] = Probe({"landlock": "ENOSYS: not there"})
        cluster._hire(SEED, cluster.tier)
        assert weak not in cluster._members
    # On a busy machine Ray may lose a node by itself, of which is told, too.
    [of_weak] = [words for words in told if "ENOSYS" in words]
    assert "expected A" in of_weak

    monkeypatch.setattr(clusters, "harness_version", lambda: "0.0.1+another")
    with pytest.raises(ClusterError, match="no node of the cluster can grade"):
        Cluster(nodes.address, tell=told.append)
    others = [words for words in told if "expected 0.0.1+another as here" in words]
    assert 1 <= len(others) == len(set(others)) <= 2


def test_a_node_that_lacks_a_package_of_checks_is_left_out_by_name(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "spectral-1.2.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: spectral\nVersion: 1.2\n")
    (package / "entry_points.txt").write_text("[harness.checks]\nspectrum = spectral:Spectrum\n")
    monkeypatch.syspath_prepend(tmp_path)
    told: list[str] = []
    with pytest.raises(ClusterError, match="no node of the cluster can grade"):
        Cluster(nodes.address, tell=told.append)
    named = [words for words in told if "found the check 'spectrum' missing, expected" in words]
    assert 1 <= len(named) == len(set(named)) <= 2
    assert "of spectral 1.2 as here" in named[0]


def harness(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_wrong_token_and_an_address_where_nobody_answers_are_said(nodes: Any) -> None:
    asked = ["run", str(ROOT / "scenarios"), "--only", "layer-norm", "--executor", "ray"]
    wrong = harness(
        [*asked, "--address", nodes.address],
        RAY_AUTH_TOKEN="another token",
        RAY_NUM_REDIS_GET_RETRIES="1",
    )
    said = wrong.communicate(timeout=120)[0]
    assert wrong.returncode == 2
    assert "Authentication token is missing or incorrect" in said
    assert "RAY_AUTH_TOKEN" in said
    assert len(said.splitlines()) == 1
    with pytest.raises(UsageError, match=r"--address 127.0.0.1:1: nobody answers"):
        Cluster("127.0.0.1:1")
    with pytest.raises(UsageError, match="expected HOST:PORT"):
        Cluster("ray://127.0.0.1:1")


def test_without_ray_the_option_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'harness\[ray\]'"):
        Cluster(None)


# --------------------------------------------------------------------------
# What is given to whom


class Store:
    """Stands for Ray where only its store of objects is used."""

    def put(self, value: object) -> object:
        return value


def member(id: str, jobs: int = 1) -> clusters._Member:
    return clusters._Member(id, id, jobs, None, None)


def test_a_fault_of_ours_is_tried_on_another_node_and_at_last_given_up(
    selection: Selection,
) -> None:
    work = clusters._Work(Store(), pairs(selection)[:2])
    one, two = member("one"), member("two")
    first = work.take(one, ["one", "two"])
    assert list(work.again(first[0], one, GraderError("killed"))) == []
    second = work.take(one, ["one", "two"])
    assert second != first
    assert work.take(one, ["one", "two"]) == []
    assert work.take(two, ["one", "two"]) == first
    assert list(work.again(first[0], two, GraderError("killed"))) == []
    # Where all have tried, the first may again.
    assert work.take(one, ["one", "two"]) == first
    [(submission, answer)] = work.again(first[0], one, GraderError("killed"))
    assert submission == work.pairs[first[0]][0]
    assert str(answer) == "killed (one, try 3)"
    assert work.left == 1


def test_batches_begin_small_take_some_seconds_and_end_small(selection: Selection) -> None:
    submission, scenario = pairs(selection)[0]
    work = clusters._Work(Store(), [(submission, scenario)] * 400)
    one = member("one", jobs=2)
    sizes = []
    while batch := work.take(one, ["one", "two"]):
        sizes.append(len(batch))
        one.size, one.pace_s = len(batch), 0.1
    assert sizes[:4] == [2, 4, 8, 16]
    assert max(sizes) == clusters.BATCH_S / 0.1
    assert sizes[-5:-1] == [2] * 4
    assert sum(sizes) == 400


# --------------------------------------------------------------------------
# The driver


def count(ledger: Path) -> int:
    try:
        with sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM grade").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def below(pids: set[int]) -> set[int]:
    """Running processes that descend from ``pids``."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
            except OSError:
                continue
            state, parent = stat.rpartition(b")")[2].split()[:2]
            if state != b"Z":  # it has ended, which nobody has asked about yet
                parents[int(entry.name)] = int(parent)
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - pids


def ours(raylets: set[int]) -> set[int]:
    """Our processes on the nodes: below an actor of Ray."""
    names = {pid: command_of(pid) for pid in below(raylets)}
    return below({pid for pid, name in names.items() if name.startswith(b"ray::Node")})


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@full
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_driver_that_is_ended_leaves_nothing_running_and_is_gone_on_with(
    nodes: Any, tmp_path: Path, end: signal.Signals
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    asked = ["run", str(ROOT / "scenarios"), "--seed", str(SEED), "--ledger", str(ledger)]
    asked += [part for name in SCENARIOS for part in ("--only", name)]
    asked += [part for name in ARMS for part in ("--arm", name)]
    asked += ["--executor", "ray", "--address", nodes.address, "--out", str(tmp_path / "out")]
    raylets = {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and nodes.address.encode() in command_of(int(entry.name))
    }
    driver = harness(asked)
    running: set[int] = set()
    while count(ledger) < 3:
        assert driver.poll() is None, driver.communicate()
        running |= ours(raylets)
        time.sleep(0.05)
    driver.send_signal(end)
    said = driver.communicate(timeout=60)[0]
    if end is signal.SIGINT:
        assert driver.returncode == 130
        assert "the same command goes on from there" in said
    kept = count(ledger)
    assert running
    given_up = time.monotonic() + 60
    while running & below({1}) and time.monotonic() < given_up:
        time.sleep(0.1)
    assert not {pid: command_of(pid) for pid in running & below({1})}
    again = harness(asked)
    said = again.communicate(timeout=400)[0]
    assert again.returncode == 0, said
    known = int(said.rpartition(" from the ledger")[0].rpartition("(")[2])
    assert known >= kept
    with Ledger.open(ledger) as book:
        total = len({(s.sha256, s.scenario) for s in every()})
        assert len(book) == total


def every() -> list[Submission]:
    chosen = select(ROOT / "scenarios", [ROOT / "solutions"], only=SCENARIOS, arm_names=ARMS)
    return list(chosen.submissions)
