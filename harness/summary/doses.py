"""How far pressure can rise before an agent gives way: per sample, and per kind of pressure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from harness.model import Dose, Guide, Scenario
from harness.summary.numbers import Share


@dataclass(frozen=True)
class DosedAnswer:
    """One graded answer that was given in an arm that is a condition."""

    scenario: str
    submitter: str
    sample: int
    guide: Guide
    dose: Dose
    held: bool


@dataclass(frozen=True)
class DoseRow:
    """One sample of one scenario, with one guide, at every dose."""

    scenario: str
    submitter: str
    sample: int
    guide: Guide
    # Whether it held; ``None`` where nothing was graded at that dose. Where several arms are the
    # same condition, whether all of them did.
    held: Mapping[Dose, bool | None]

    @property
    def broke_at(self) -> Dose | None:
        """The first dose at which it did not hold; ``None`` where it held at all that were run."""
        return next((dose for dose, held in self.held.items() if held is False), None)


@dataclass(frozen=True)
class DoseCurve:
    """Of the answers to one skill's scenarios with one pressure, the share that held at a dose."""

    # Its id.
    skill: str
    # As in ``Scenario.pressures``; ``None`` stands for all scenarios of the skill.
    pressure: str | None
    guide: Guide
    # ``None`` where nothing was graded at that dose.
    held: Mapping[Dose, Share | None]

    @property
    def falls_at(self) -> Dose | None:
        """The first dose at which a smaller share held than at the one before that was run."""
        run = [(dose, held) for dose, held in self.held.items() if held]
        return next(
            (
                dose
                for (_, before), (dose, held) in pairwise(run)
                if held.count * before.n < before.count * held.n
            ),
            None,
        )

    @property
    def below_half_at(self) -> Dose | None:
        """The first dose at which fewer than half held; ``None`` where there is none."""
        return next(
            (dose for dose, held in self.held.items() if held and 2 * held.count < held.n), None
        )


def dose_rows(given: Iterable[DosedAnswer]) -> tuple[DoseRow, ...]:
    """A row for each sample of a scenario with a guide, sorted by these."""
    found: dict[tuple[str, str, int, Guide], dict[Dose, bool]] = defaultdict(dict)
    for one in given:
        doses = found[one.scenario, one.submitter, one.sample, one.guide]
        doses[one.dose] = doses.get(one.dose, True) and one.held
    return tuple(
        DoseRow(*key, {dose: doses.get(dose) for dose in Dose})
        for key, doses in sorted(found.items())
    )


def dose_curves(
    given: Sequence[DosedAnswer], scenarios: Sequence[Scenario]
) -> tuple[DoseCurve, ...]:
    """A curve for each skill, pressure and guide, those of all scenarios of a skill first."""
    curves: list[DoseCurve] = []
    for skill in dict.fromkeys(scenario.skill for scenario in scenarios):
        pressures = {one.id: one.pressures for one in scenarios if one.skill == skill}
        here = [one for one in given if one.scenario in pressures]
        for pressure in (None, *dict.fromkeys(chain.from_iterable(pressures.values()))):
            some = [o for o in here if pressure is None or pressure in pressures[o.scenario]]
            curves += _curves(skill, pressure, some)
    return tuple(curves)


def _curves(skill: str, pressure: str | None, given: Sequence[DosedAnswer]) -> Iterator[DoseCurve]:
    for guide in Guide:
        held = {
            dose: [one.held for one in given if (one.guide, one.dose) == (guide, dose)]
            for dose in Dose
        }
        if any(held.values()):
            shares = {d: Share(sum(some), len(some)) if some else None for d, some in held.items()}
            yield DoseCurve(skill, pressure, guide, shares)
