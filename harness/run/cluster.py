"""The nodes of a Ray cluster: which of them grade, what each is given, and what if one is lost.

Each node has one actor, ``Node``, for the whole run. It is given batches that take it some
seconds. Whatever fails on our side (a node that dies, a grader that is killed) is tried again,
on another node where there is one; what fails on a submission's side is its grade.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from typing import Any

from harness import sandbox
from harness.errors import ClusterError, GraderError, HarnessError, ScenarioError, UsageError
from harness.model import Grade, HostInfo, Scenario, Submission
from harness.run.node import Node, Parcel
from harness.run.pool import Backlog, Pair
from harness.run.run import check_packages, harness_version, torch_version
from harness.sandbox.tier import Probe, Tier

# How much work is given to a node at once.
BATCH_S = 3.0
# One batch that it works on and one that waits, so that no grader does.
FLIGHTS = 2
# How often a submission is tried, counted in nodes and not in their graders.
TRIES = 3
# After so many deaths without a grade between, a node is left out.
MOST_DEATHS = 3
# How often to look for new nodes, and how long to wait where there is none.
LOOK_S = 5.0
# A node that was lost is let alone for so long: it takes Ray that long to see that it is dead.
REST_S = 20.0
NO_NODE_S, START_S = 60.0, 300.0
PROBE_S = 120.0
CONNECT_S = 5.0
CLOSE_S = 10.0
_INSTALL = (
    "--executor ray: Ray is not installed. Give `pip install 'harness[ray]'` here and on every node"
)


@dataclass
class _Member:
    """A node that grades."""

    id: str
    host: str
    jobs: int
    actor: Any
    # What its graders say once they are started; ``None`` when they are.
    starting: Any
    # What it is working on: indices by what will be their answers.
    flights: dict[Any, list[int]] = field(default_factory=dict)
    # When it was last given something or answered, and seconds per answer since.
    heard_at: float = 0.0
    pace_s: float | None = None
    # How many it was last given.
    size: int = 0
    # Scenario it has plans for.
    scenario: str | None = None


class Cluster:
    """A connection to a Ray cluster; close it, which ends what it started on the nodes.

    ``address`` is ``HOST:PORT`` of its head, by default that of ``RAY_ADDRESS`` or of the cluster
    that this machine is a node of. ``jobs`` is the number of grader processes per node, by
    default all of its CPUs. ``tell`` is given sentences about nodes. The tier is the strongest
    that a node offers, and ``at_most`` that.

    Raises ``UsageError`` where Ray is missing or nothing answers at ``address``, ``ClusterError``
    where no node can be used, ``SandboxError`` where none confines.
    """

    def __init__(
        self,
        address: str | None,
        *,
        jobs: int | None = None,
        at_most: str | None = None,
        allow_unsandboxed: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ray = _connected(address)
        self._jobs = jobs
        self._tell = tell
        # By node, what its sandbox offers; ``None`` for one that is left out.
        self._seen: dict[str, Probe | None] = {}
        self._members: dict[str, _Member] = {}
        self._deaths: Counter[str] = Counter()
        self._lost_at: dict[str, float] = {}
        self._graded: Counter[str] = Counter()
        self._retried: Counter[str] = Counter()
        self._hosts: dict[str, str] = {}
        try:
            self._look_at_nodes()
            seen = [one for one in self._seen.values() if one is not None]
            if not seen:
                raise ClusterError(
                    f"no node of the cluster can grade; {len(self._seen)} were asked. What is "
                    "wrong with each is said above: mend it and give the same command again."
                )
            best = min(seen, key=lambda one: one.tier.name)
            self.tier = sandbox.choose(
                at_most=at_most, allow_unsandboxed=allow_unsandboxed, found=best
            )
        except BaseException:
            self.close()
            raise

    def hosts(self) -> tuple[HostInfo, ...]:
        """The nodes that were given something, by name."""
        used = sorted(self._hosts, key=lambda id: (self._hosts[id], id))
        return tuple(
            HostInfo(self._hosts[id], id[:8], self._graded[id], self._retried[id]) for id in used
        )

    def grade_all(
        self, pairs: Sequence[Pair], *, seed: int, tier: Tier
    ) -> Generator[tuple[Submission, Grade | HarnessError]]:
        """As ``pool.grade_all``, on the nodes.

        Raises ``ClusterError`` where there is no node to grade on, for a while.
        """
        work = _Work(self._ray, pairs)
        try:
            # Ray prints what it has to say of nodes; a command's output is for what it was asked.
            with redirect_stdout(sys.stderr):
                yield from self._run(work, seed, tier)
        finally:
            self._dismiss()

    def _run(self, work: _Work, seed: int, tier: Tier) -> Iterator[_Answer]:
        looked = left_alone = time.monotonic()
        self._hire(seed, tier)
        while work.left:
            now = time.monotonic()
            if now > looked + LOOK_S:
                self._look_at_nodes()
                self._hire(seed, tier)
                looked = now
            for member in self._members.values():
                self._give(member, work)
            awaited = [ref for one in self._members.values() for ref in _awaited(one)]
            if any(one.starting is None for one in self._members.values()):
                left_alone = now
            elif now > left_alone + (START_S if self._members else NO_NODE_S):
                why = "their CPUs are in use by others" if self._members else "none is left"
                raise ClusterError(
                    f"no node of the cluster could grade for {now - left_alone:.0f} s: {why}. "
                    "What was graded is kept in the ledger; see `ray status`, then give the "
                    "same command again."
                )
            if not awaited:
                time.sleep(0.5)
                continue
            for ref in self._ray.wait(awaited, num_returns=1, timeout=1.0)[0]:
                yield from self._answered(ref, work)

    # ------------------------------------------------------------------
    # Nodes

    def _look_at_nodes(self) -> None:
        """Ask every node that was not asked before what it is."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        look = self._ray.remote(_sent_as_it_is())
        asked = {}
        for node in self._ray.nodes():
            id = node["NodeID"]
            if node["Alive"] and id not in self._seen and node["Resources"].get("CPU", 0) >= 1:
                there = NodeAffinitySchedulingStrategy(id, soft=False)
                asked[id] = (
                    node,
                    look.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(),
                )
        for id, (node, answer) in asked.items():
            self._seen[id] = self._fit(_name(node), answer)

    def _fit(self, name: str, answer: Any) -> Probe | None:
        """What a node offers, or ``None``, with a word to the user, where it cannot be used."""
        try:
            harness, torch, packages, problems, problem = self._ray.get(answer, timeout=PROBE_S)
        except self._ray.exceptions.RayError as error:
            self._tell(f"node {name} is left out: it does not answer: {_first_line(error)}")
            return None
        ours = {"harness": harness_version(), "torch": torch_version()}
        for what, found in (("harness", harness), ("torch", torch)):
            if found != ours[what]:
                self._tell(
                    f"node {name} is left out: found {what} {found or 'missing: ' + problem}, "
                    f"expected {ours[what]} as here; install the same on every node"
                )
                return None
        for kind, package in check_packages().items():
            if packages.get(kind) != package:
                self._tell(
                    f"node {name} is left out: found the check {kind!r} "
                    f"{'of ' + packages[kind] if kind in packages else 'missing'}, expected that "
                    f"of {package} as here; install the same on every node"
                )
                return None
        return Probe(problems)

    def _hire(self, seed: int, tier: Tier) -> None:
        """Start graders on every node that can be used and has none."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        for node in self._ray.nodes():
            id, name = node["NodeID"], _name(node)
            seen = self._seen.get(id)
            if not node["Alive"] or seen is None or id in self._members:
                continue
            if id in self._lost_at and time.monotonic() < self._lost_at[id] + REST_S:
                continue
            if seen.tier.name > tier.name:
                why = "; ".join(f"{k}: {v}" for k, v in seen.problems.items() if v)
                self._tell(
                    f"node {name} is left out: found sandbox tier {seen.tier.name} ({why}), "
                    f"expected {tier.name}; see `harness doctor` there, or ask for less with --tier"
                )
                self._seen[id] = None
                continue
            cpus = int(node["Resources"]["CPU"])
            jobs = min(self._jobs or cpus, cpus)
            actor = (
                self._ray.remote(Node)
                .options(
                    num_cpus=jobs,
                    # Beside the batches, to be closed.
                    max_concurrency=FLIGHTS + 1,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(id, soft=False),
                )
                .remote()
            )
            starting = actor.start.remote(seed, tier.name, jobs)
            self._members[id] = _Member(id, name, jobs, actor, starting)

    def _lost(self, member: _Member, work: _Work, why: str) -> Iterator[_Answer]:
        """Let others do what a node was doing."""
        del self._members[member.id]
        with suppress(Exception):
            self._ray.kill(member.actor)
        again = [index for batch in member.flights.values() for index in batch]
        self._retried[member.id] += len(again)
        self._deaths[member.id] += 1
        self._lost_at[member.id] = time.monotonic()
        out = self._deaths[member.id] >= MOST_DEATHS
        if out:
            self._seen[member.id] = None
        self._tell(
            f"node {member.host} was lost: {why}; answers to be graded again: {len(again)}"
            + (". It is left out from now on" if out else "")
        )
        for index in again:
            yield from work.again(index, member, GraderError(f"its node was lost: {why}"))

    def _dismiss(self) -> None:
        with suppress(Exception):
            closed = [one.actor.close.remote() for one in self._members.values()]
            self._ray.wait(closed, num_returns=len(closed), timeout=CLOSE_S)
        for one in self._members.values():
            with suppress(Exception):
                self._ray.kill(one.actor)
        self._members.clear()

    def close(self) -> None:
        """Leave the cluster."""
        self._dismiss()
        self._ray.shutdown()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------
    # Work

    def _give(self, member: _Member, work: _Work) -> None:
        """Let a node have something to do and something that waits."""
        while member.starting is None and len(member.flights) < FLIGHTS:
            batch = work.take(member, self._members)
            if not batch:
                return
            if not member.flights:
                member.heard_at = time.monotonic()
            sent, parcels = work.packed(batch)
            member.size = len(batch)
            self._hosts[member.id] = member.host
            member.flights[member.actor.grade.remote(sent, parcels)] = batch

    def _answered(self, ref: Any, work: _Work) -> Iterator[_Answer]:
        member = next((one for one in self._members.values() if ref in _awaited(one)), None)
        if member is None:  # lost with its node, which another answer of it told
            return
        try:
            answers = self._ray.get(ref, timeout=PROBE_S)
        except self._ray.exceptions.RayError as error:
            yield from self._lost(member, work, _first_line(error))
            return
        if ref == member.starting:
            member.starting = None
            if answers is not None:
                self._deaths[member.id] = MOST_DEATHS
                yield from self._lost(member, work, str(answers))
            return
        batch = member.flights.pop(ref)
        now = time.monotonic()
        member.pace_s = (now - member.heard_at) / len(batch)
        member.heard_at = now
        for index, answer in zip(batch, answers, strict=True):
            if isinstance(answer, HarnessError) and not isinstance(answer, ScenarioError):
                self._retried[member.id] += 1
                yield from work.again(index, member, answer)
            else:
                self._graded[member.id] += 1
                self._deaths[member.id] = 0
                yield from work.done(index, answer)


_Answer = tuple[Submission, Grade | HarnessError]


class _Work:
    """What is to be graded, what waits for another node, and how often it was tried."""

    def __init__(self, ray: Any, pairs: Sequence[Pair]) -> None:
        self.ray = ray
        self.pairs = pairs
        self.left = self.waiting = len(pairs)
        self.backlog = Backlog()
        # To be tried again, one at a time: one of them may be what ends its node.
        self.retries: deque[int] = deque()
        self.tried: dict[int, list[str]] = {}
        self.parcels: dict[str, tuple[str, Any]] = {}
        scenarios: dict[str, Scenario] = {}
        for index, (_, scenario) in enumerate(pairs):
            self.backlog.add(scenario.id, index)
            scenarios.setdefault(scenario.id, scenario)
        for id, scenario in scenarios.items():
            parcel = Parcel.of(scenario)
            self.parcels[id] = parcel.digest, ray.put(parcel)

    def take(self, member: _Member, members: Collection[str]) -> list[int]:
        """Indices for a node: few at first and at the end, between them ``BATCH_S`` of work."""
        for index in self.retries:
            if member.id not in self.tried[index] or set(members) <= set(self.tried[index]):
                self.retries.remove(index)
                return [index]
        size = member.jobs
        if member.pace_s is not None:
            size = max(size, min(int(BATCH_S / member.pace_s), 2 * member.size))
        size = min(size, max(member.jobs, self.waiting // (FLIGHTS * len(members))))
        batch: list[int] = []
        while len(batch) < size:
            taken = self.backlog.take(member.scenario)
            if taken is None:
                break
            member.scenario = self.pairs[taken][1].id
            batch.append(taken)
        self.waiting -= len(batch)
        return batch

    def packed(
        self, batch: Sequence[int]
    ) -> tuple[list[tuple[Submission, str]], Mapping[str, Any]]:
        """The submissions with the digests of their scenarios, and where Ray has these."""
        pairs = [self.pairs[index] for index in batch]
        sent = [(submission, self.parcels[scenario.id][0]) for submission, scenario in pairs]
        return sent, dict(self.parcels[scenario.id] for _, scenario in pairs)

    def again(self, index: int, member: _Member, error: HarnessError) -> Iterator[_Answer]:
        """Try it once more, or give up with the last ``error``."""
        tried = self.tried.setdefault(index, [])
        tried.append(member.id)
        if len(tried) < TRIES:
            self.retries.append(index)
        else:
            yield from self.done(index, GraderError(f"{error} ({member.host}, try {TRIES})"))

    def done(self, index: int, answer: Grade | HarnessError) -> Iterator[_Answer]:
        self.left -= 1
        self.tried.pop(index, None)
        yield self.pairs[index][0], answer


def _awaited(member: _Member) -> list[Any]:
    return [*member.flights, *([] if member.starting is None else [member.starting])]


def _name(node: Mapping[str, Any]) -> str:
    """What a user calls a node."""
    host, name = node["NodeManagerHostname"], node["NodeName"]
    return str(host) if name == node["NodeManagerAddress"] else f"{name} on {host}"


def _first_line(error: Exception) -> str:
    # What our own code raised on a node, rather than where.
    cause = getattr(error, "cause", None)
    error = cause if isinstance(cause, Exception) else error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no words'}"


# Versions of the harness and of torch, packages that add checks, what the sandbox lacks, and what
# is wrong where there is no harness.
_Look = tuple[str, str, dict[str, str], dict[str, str | None], str]


def _sent_as_it_is() -> Callable[[], _Look]:
    """A function that Ray sends whole: on a node the harness may be another one or missing."""

    def look() -> _Look:
        try:
            from harness import sandbox
            from harness.run.run import check_packages, harness_version, torch_version

            problems = sandbox.probe().problems
            return harness_version(), torch_version(), check_packages(), problems, ""
        except Exception as error:
            return "", "", {}, {}, f"{type(error).__name__}: {error}"

    return look


# --------------------------------------------------------------------------
# The connection


def _connected(address: str | None) -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError(_INSTALL) from None
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    if "://" in where:
        raise UsageError(
            f"--address: found {where}, expected HOST:PORT of the head. A run goes on for as long "
            "as its terminal: give the command on a node of the cluster, not through Ray's client."
        )
    if where != "auto":
        _knock(where)
    with tempfile.TemporaryFile() as words:
        try:
            with _aside(words.fileno()):
                ray.init(address=where, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            words.seek(0)
            said = words.read().decode(errors="replace").strip().splitlines()
            last = f". Ray says: {said[-1].rstrip('.')}" if said else ""
            raise UsageError(
                f"--address {where}: cannot join the cluster: {str(error).rstrip('.')}{last}. "
                "Expected a cluster that was "
                "started with `ray start --head` and that this machine is a node of; one that asks "
                "for a token wants RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN here, too."
            ) from None
    return ray


def _knock(where: str) -> None:
    """Raise where nobody is there, for which Ray would wait two minutes."""
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"--address {where}: nobody answers ({error}). Expected HOST:PORT of the head of a "
            "Ray cluster; start one with `ray start --head`, which prints it."
        ) from None


@contextmanager
def _aside(fd: int) -> Iterator[None]:
    """Let what is written to the standard error, by whomever, go to ``fd``."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(fd, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
