"""Shards of a run, each with a results.json of its own, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_results import crossed_results

from harness.cli import main
from harness.errors import UsageError
from harness.model import HostInfo, Results, ShardInfo
from harness.read.submissions import order
from harness.results.read import read_results
from harness.results.write import write_results
from harness.run.merge import merge
from harness.run.select import select

ROOT = Path(__file__).parent.parent


def parts(whole: Results, of: int) -> list[tuple[Path, Results]]:
    """``whole`` as ``of`` jobs would have graded it."""
    found = []
    for number in range(1, of + 1):
        places = [
            place
            for place, one in enumerate(whole.records)
            if int(one.sha256, 16) % of == number - 1
        ]
        shard = ShardInfo((number,), of, len(whole.records), "0" * 64, "0.1.0+0")
        run = replace(
            whole.run,
            shard=shard,
            started_at=f"2025-11-22T20:15:0{number}+00:00",
            wall_s=10.0,
            hosts=(HostInfo("vm", "0", len(places), number),),
        )
        found.append(
            (
                Path(f"{number}/results.json"),
                replace(
                    whole,
                    run=run,
                    records=tuple(whole.records[place] for place in places),
                    submissions=tuple(whole.submissions[place] for place in places),
                ),
            )
        )
    return found


@pytest.fixture(scope="module")
def whole() -> Results:
    """Records in the order in which a run has them."""
    made = crossed_results()
    places = sorted(range(len(made.records)), key=lambda place: order(made.submissions[place]))
    return replace(
        made,
        records=tuple(made.records[place] for place in places),
        submissions=tuple(made.submissions[place] for place in places),
    )


def test_three_shards_make_what_one_run_makes_but_for_times_and_hosts(whole: Results) -> None:
    merged = merge(reversed(parts(whole, 3)))
    assert tuple(merged.records) == tuple(whole.records)
    assert tuple(merged.submissions) == tuple(whole.submissions)
    assert merged.run.shard is None
    assert (merged.run.started_at, merged.run.wall_s) == ("2025-11-22T20:15:01+00:00", 12.0)
    assert merged.run.hosts == (HostInfo("vm", "0", len(whole.records), 6),)
    same = {"records": (), "submissions": (), "run": whole.run}
    assert replace(merged, **same) == replace(whole, **same)


def test_what_was_merged_of_some_shards_is_merged_with_the_rest(
    whole: Results, tmp_path: Path
) -> None:
    first, second, third = parts(whole, 3)
    some = merge([third, first], allow_missing=True)
    assert some.run.shard is not None
    assert some.run.shard.numbers == (1, 3)
    write_results(some, tmp_path / "results.json")
    merged = merge([second, (tmp_path, read_results(tmp_path / "results.json"))])
    assert tuple(merged.records) == tuple(whole.records)


def test_shards_that_do_not_make_a_run_are_refused_by_what_is_wrong(whole: Results) -> None:
    first, second, third = parts(whole, 3)

    def changed(**run: object) -> tuple[Path, Results]:
        return second[0], replace(second[1], run=replace(second[1].run, **run))  # type: ignore[arg-type]

    for given, words in (
        ([first, third], "found 2 of 3 shards, without number 2"),
        ([first, second, third, second], "2/results.json: found shard 2 of 3 a second time"),
        ([first, changed(seed=1), third], "2/results.json: found seed 1, expected"),
        ([first, changed(versions={"harness": "0.2"}), third], "found version of"),
        ([first, parts(whole, 4)[1], third], "found a count of shards of 4, expected 3"),
        ([first, changed(shard=None), third], "found the results of a whole run"),
        ([], "found no shard"),
    ):
        with pytest.raises(UsageError, match=words):
            merge(given)
    other = replace(second[1], scenarios=(replace(whole.scenarios[0], fingerprint="f" * 64),))
    with pytest.raises(UsageError, match="found scenarios with the fingerprints"):
        merge([first, (second[0], other), third])
    fewer = replace(second[1], records=(), submissions=())
    with pytest.raises(UsageError, match="a file was changed after it was written"):
        merge([first, (second[0], fewer), third])


def test_every_submission_is_in_one_shard_and_equal_ones_are_together() -> None:
    asked = [ROOT / "scenarios"], [ROOT / "solutions"]
    whole = select(asked[0][0], asked[1], only=["layer-norm", "memory-relu"])
    shards = [
        select(asked[0][0], asked[1], only=["layer-norm", "memory-relu"], shard=(number, 3))
        for number in (1, 2, 3)
    ]
    ids = [one.id for shard in shards for one in shard.submissions]
    assert sorted(ids) == sorted(one.id for one in whole.submissions)
    where = [{one.sha256 for one in shard.submissions} for shard in shards]
    assert sum(map(len, where)) == len(set().union(*where))
    for shard in shards:
        assert (shard.arms, shard.scenarios) == (whole.arms, whole.scenarios)
        assert shard.shard is not None
        assert shard.shard.submissions == len(whole.submissions)
    assert len({shard.shard.selection for shard in shards if shard.shard}) == 1


def test_a_report_of_some_shards_says_so_and_what_cannot_be_asked_of_a_shard_is_refused(
    whole: Results, tmp_path: Path
) -> None:
    first, second, _ = parts(whole, 3)
    for path, results in (first, second):
        write_results(results, tmp_path / path)
    given = [str(tmp_path / "1"), str(tmp_path / "2"), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(main, ["merge", *given]).exit_code == 2
    done = CliRunner().invoke(main, ["merge", *given, "--allow-missing"])
    assert "submissions are missing" in done.output
    for name in ("report.md", "report.html"):
        assert (
            f"of {len(whole.records)} that were selected" in (tmp_path / "out" / name).read_text()
        )
    for options in (["--shard", "1/3"], ["--shard", "4/3", "--seed", "1"], ["--address", "a:1"]):
        assert CliRunner().invoke(main, ["run", str(ROOT / "scenarios"), *options]).exit_code == 2
