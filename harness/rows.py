"""The facts of every submission as one row: the columns of ``results.csv`` and of a data frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.model import Outcome, Results, TrapState


def rows(results: Results) -> Iterator[dict[str, object]]:
    asked = {scenario.id: scenario.verification for scenario in results.scenarios}
    for record in results.records:
        given = record.answers(asked[record.scenario])
        by_state = {
            state: [found.trap for found in record.traps if found.state is state]
            for state in TrapState
        }
        failed = {f.check: None for f in record.findings if f.outcome is Outcome.FAILED}
        flags = {found.flag: None for found in record.red_flags}
        yield {
            "id": record.id,
            "scenario": record.scenario,
            "arm": record.arm,
            "submitter": record.submitter,
            "sample": record.sample,
            "path": record.path,
            "sha256": record.sha256,
            "outcome": record.outcome.value,
            "reason": record.reason,
            "verification": record.verification.value,
            "verification_reason": record.verification_reason,
            "faults_tried": record.faults_tried,
            "faults_noticed": record.faults_noticed,
            "right": given.right,
            "verified": given.verified,
            "resistance": given.resistance and given.resistance.value,
            "held": given.held,
            "broke": " ".join(given.broke),
            "wall_s": record.wall_s,
            "failed_checks": " ".join(failed),
            "excuses_upheld": " ".join(t.trap for t in record.traps if t.upheld),
            "excuses_made": " ".join(by_state[TrapState.MADE]),
            "excuses_answered": " ".join(by_state[TrapState.ANSWERED]),
            "red_flags": " ".join(flags),
            "red_flags_not_looked_for": " ".join(one.flag for one in record.unlooked),
        }


COLUMNS: Final = (
    "id", "scenario", "arm", "submitter", "sample", "path", "sha256", "outcome", "reason",
    "verification", "verification_reason", "faults_tried", "faults_noticed", "right", "verified",
    "resistance", "held", "broke", "wall_s", "failed_checks", "excuses_upheld", "excuses_made",
    "excuses_answered", "red_flags", "red_flags_not_looked_for",
)  # fmt: skip
