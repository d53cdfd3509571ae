"""One result of the shards of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.model import HostInfo, Record, Results, RunInfo, ShardInfo, Submission
from harness.read.submissions import order
from harness.run.spool import Spool


def merge(
    shards: Iterable[tuple[Path, Results]],
    *,
    allow_missing: bool = False,
    folder: Path | None = None,
) -> Results:
    """What one run over all submissions would have given, but for times and hosts.

    ``shards`` are looked at one after another, each with the file it is from. The records lie
    in ``folder``, in a file without a name: see ``Spool``. Where ``allow_missing`` lets some be
    missing, the result is a shard with several numbers, which can be merged with the rest.

    Raises ``UsageError`` where shards are missing or given twice, or are not of one run.
    """
    records: Spool[Record] = Spool(folder)
    submissions: Spool[Submission] = Spool(folder)
    orders: list[tuple[Any, int]] = []
    runs: list[RunInfo] = []
    from_file: dict[int, Path] = {}
    first: tuple[Path, Results] | None = None
    for path, results in shards:
        shard = _shard(path, results)
        if first is None:
            first = path, replace(results, records=(), submissions=())
        _check_same(first, (path, results))
        for number in shard.numbers:
            if number in from_file:
                raise UsageError(
                    f"{path}: found shard {number} of {shard.of} a second time, first in "
                    f"{from_file[number]}; give each once"
                )
            from_file[number] = path
        runs.append(results.run)
        for record, submission in zip(results.records, results.submissions, strict=True):
            orders.append((order(submission), len(records)))
            records.append(record)
            submissions.append(submission)
    if first is None:
        raise UsageError("found no shard, expected the results.json of at least one")
    shard = _shard(*first)
    missing = [number for number in range(1, shard.of + 1) if number not in from_file]
    if missing and not allow_missing:
        raise UsageError(
            f"found {len(from_file)} of {shard.of} shards, without number "
            f"{', '.join(map(str, missing))}. Run `harness run --shard NUMBER/{shard.of}` for each "
            "and give its results.json, too; or merge what is there with --allow-missing."
        )
    if not missing and len(records) != shard.submissions:
        raise UsageError(
            f"found {len(records)} submissions in all shards, expected {shard.submissions}; a file "
            "was changed after it was written: run its shard again"
        )
    places = [place for _, place in sorted(orders)]
    records.arrange(places)
    submissions.arrange(places)
    numbers = tuple(sorted(from_file))
    return replace(
        first[1],
        run=_merged(runs, replace(shard, numbers=numbers) if missing else None),
        records=records,
        submissions=submissions,
    )


def _shard(path: Path, results: Results) -> ShardInfo:
    if results.run.shard is None:
        raise UsageError(
            f"{path}: found the results of a whole run, expected those of "
            "`harness run --shard NUMBER/COUNT`"
        )
    return results.run.shard


def _check_same(first: tuple[Path, Results], other: tuple[Path, Results]) -> None:
    """Refuse two shards that are not of one run."""
    for (what, expected), (_, found) in zip(_common(*first), _common(*other), strict=True):
        if expected != found:
            raise UsageError(
                f"{other[0]}: found {what} {found}, expected {expected} as in {first[0]}. Shards "
                "of one run have all of these in common: run again those that have not."
            )


def _common(path: Path, results: Results) -> Sequence[tuple[str, object]]:
    run, shard = results.run, _shard(path, results)
    prints = {scenario.id: scenario.fingerprint[:12] for scenario in results.scenarios}
    return (
        ("a count of shards of", shard.of),
        ("seed", run.seed),
        *((f"version of {name}:", one) for name, one in sorted(run.versions.items())),
        ("code of the harness", shard.harness),
        ("sandbox tier", run.sandbox.tier),
        ("scenarios with the fingerprints", prints),
        ("arms", [arm.name for arm in results.arms]),
        ("a selection of submissions with the digest", shard.selection[:12]),
    )


def _merged(runs: Sequence[RunInfo], shard: ShardInfo | None) -> RunInfo:
    begun = [datetime.fromisoformat(run.started_at) for run in runs]
    ended = [at + timedelta(seconds=run.wall_s) for at, run in zip(begun, runs, strict=True)]
    hosts: dict[tuple[str, str], HostInfo] = {}
    for host in (host for run in runs for host in run.hosts):
        before = hosts.get((host.host, host.node))
        if before is not None:
            graded, retried = before.graded + host.graded, before.retried + host.retried
            host = replace(host, graded=graded, retried=retried)
        hosts[host.host, host.node] = host
    return replace(
        runs[0],
        started_at=runs[begun.index(min(begun))].started_at,
        wall_s=round((max(ended) - min(begun)).total_seconds(), 3),
        hosts=tuple(hosts[key] for key in sorted(hosts)),
        shard=shard,
    )
