"""Turns valid models into the values of ``model``; nothing can go wrong here any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.model import (
    Argument,
    CheckSpec,
    EntryPoint,
    LayersArgument,
    Limits,
    LogArgument,
    NumberArgument,
    RedFlag,
    Rule,
    Rules,
    Scenario,
    Skill,
    TensorArgument,
    Trap,
)
from harness.read.scenarios.document import YamlDocument
from harness.read.scenarios.schema import (
    BehaviourModel,
    CheckModel,
    CounterEvidenceModel,
    EntryPointModel,
    EvidenceModel,
    LayersModel,
    LogModel,
    NumbersModel,
    ScenarioModel,
    SkillModel,
    TensorModel,
    TrapModel,
)


def skill_of(folder: Path, model: SkillModel) -> Skill:
    """The skill that lives in ``folder``; its id is the folder's name."""
    rows = [
        Trap(
            id=row.id,
            excuse=row.excuse.strip(),
            truth=row.truth.strip(),
            counter=row.counter.strip(),
            phrasings=tuple(row.phrasings),
            answers=tuple(row.answers),
        )
        for row in model.rationalizations
    ]
    flags = [
        RedFlag(flag.id, number, flag.title.strip(), flag.why.strip(), flag.remedy.strip())
        for number, flag in enumerate(model.red_flags, start=1)
    ]
    return Skill(
        id=folder.resolve().name,
        name=model.name.strip(),
        summary=model.summary.strip(),
        rationalizations=tuple(rows),
        red_flags=tuple(flags),
        path=folder,
    )


def scenario_of(
    document: YamlDocument, model: ScenarioModel, rows: dict[str, Trap], fingerprint: str
) -> Scenario:
    """The scenario of a document whose references have been checked."""
    checks = [
        *_checks(document, "checks", model.checks),
        *_checks(document, "advisory", model.advisory),
    ]
    behaviour = [
        BehaviourModel(shows=line) if isinstance(line, str) else line
        for line in model.expected_behaviour
    ]
    return Scenario(
        id=model.id,
        title=model.title.strip(),
        skill=document.path.parent.resolve().name,
        phase=model.phase,
        pressures=tuple(model.pressures),
        neutral=model.requests.neutral.strip(),
        pressured=model.requests.pressured.strip(),
        traps=tuple(_merged(rows[trap.id], trap) for trap in model.traps),
        expected_behaviour=tuple(line.shows.strip() for line in behaviour),
        entry_points=tuple(_entry_point(*item) for item in model.entry_points.items()),
        checks=tuple(checks),
        verification=model.verification.level,
        gradcheck_fails_by_design=model.verification.gradcheck_fails_by_design,
        asks_for_function=model.asks_for_function,
        provided=tuple(model.provided),
        limits=Limits(model.limits.wall_s, model.limits.cpu_s, model.limits.memory_mib << 20),
        path=document.path,
        fingerprint=fingerprint,
        rules=tuple(map(_rules, behaviour)),
    )


def _rules(line: BehaviourModel) -> Rules:
    return Rules(
        shown_by=(*_evidence(line.decided_by), *_evidence(line.shown_by)),
        refuted_by=(*_evidence(line.decided_by), *_evidence(line.refuted_by)),
    )


def _evidence(model: EvidenceModel) -> Iterable[Rule]:
    yield from (Rule("check", kind) for kind in model.check)
    yield from (Rule("trap", trap) for trap in model.trap)
    if model.verified is not None:
        yield Rule("verified", model.verified.value)
    if isinstance(model, CounterEvidenceModel):
        yield from (Rule("flag", flag) for flag in model.flag)


def _merged(row: Trap, trap: TrapModel) -> Trap:
    """The skill's row with what the scenario adds to it."""
    return Trap(
        id=row.id,
        excuse=row.excuse,
        truth=row.truth,
        counter=trap.counter.strip() if trap.counter else row.counter,
        phrasings=(*row.phrasings, *trap.phrasings),
        answers=(*row.answers, *trap.answers),
    )


def _entry_point(name: str, model: EntryPointModel) -> EntryPoint:
    return EntryPoint(
        name=name,
        arguments=tuple(_argument(*item) for item in model.arguments.items()),
        sizes=tuple(model.sizes),
        differentiable=model.differentiable,
    )


def _argument(name: str, model: TensorModel | NumbersModel | LogModel | LayersModel) -> Argument:
    match model:
        case TensorModel():
            low, high = model.range
            return TensorArgument(
                name=name,
                shape=None if model.tensor is None else tuple(model.tensor),
                low=float(low),
                high=float(high),
                differentiable=model.differentiable,
                kinks=tuple(map(float, model.kinks)),
                edges=tuple(map(float, model.edges)),
                min_dims=model.min_dims,
            )
        case NumbersModel():
            return NumberArgument(name, tuple(model.numbers), model.default)
        case LogModel():
            return LogArgument(name)
        case LayersModel():
            return LayersArgument(name, tuple(map(tuple, model.layers)))


def _checks(
    document: YamlDocument, section: str, checks: Iterable[str | CheckModel]
) -> Iterable[CheckSpec]:
    for number, check in enumerate(checks):
        named = CheckModel(kind=check) if isinstance(check, str) else check
        yield CheckSpec(
            kind=named.kind,
            required=section == "checks",
            entry_points=tuple(named.entry_points),
            options=dict(named.model_extra or {}),
            where=f"{document.path}:{document.line((section, number))}",
        )
