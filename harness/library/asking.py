"""Puts the questions of every aspect of a function, and hears the answers."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness import checks
from harness.checks.context import (
    Check,
    InteractiveCheck,
    Judgement,
    PlannedCheck,
    SubmissionContext,
    Trial,
)
from harness.checks.registry import FrozenMapping
from harness.checks.side_effects import NoMutation
from harness.code import analyse
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import Smallest, explain, find_smallest
from harness.errors import ScenarioError
from harness.library.arguments import Arguments
from harness.library.asked import FarSizes, LayoutsOfMade, ResultInPlace, Zeros
from harness.library.aspects import Aspect, aspects
from harness.library.bench import MADE, Manner, OwnBench
from harness.library.domain import MOST_NUMBERS, Domain
from harness.library.made import Maker
from harness.library.options import Options
from harness.library.report import Found, Raised, Report, UncheckedWarning
from harness.library.session import in_process
from harness.library.snippet import preamble, shows
from harness.library.subject import (
    Subject,
    example_values,
)
from harness.model import (
    CheckSpec,
    EntryPoint,
    Fault,
    Level,
    Limits,
    NumberArgument,
    Outcome,
    Scenario,
)
from harness.numerics.expectation import RESULT
from harness.numerics.inputs import Case, generator
from harness.numerics.oracles import Oracle, OracleError, Oracles
from harness.numerics.question import Answer, put
from harness.sandbox.inside.part import Role
from harness.sandbox.session import Session

# gradcheck's questions are as many as the numbers that it differentiates by.
MOST_FOR_GRADCHECK = 200
# Numbers in arguments that may not be made smaller, beyond which they are asked only once.
MOST_OFTEN = 1 << 16
STOCK = ("gradcheck", "gradgradcheck")


@dataclass(frozen=True)
class Inside:
    """What the result of the function is made of, as its graph shows."""

    functions: Sequence[type[torch.autograd.Function]] = ()
    # Nodes that made several tensors: place in the graph, and how many.
    several: Sequence[tuple[int, int]] = ()


def asked(
    title: str,
    subject: Subject,
    domain: Domain,
    maker: Maker | None,
    made: Callable[[int, int], Arguments],
    dtype: torch.dtype,
    inside: Inside,
    options: Options,
) -> Report:
    name = title if title.isidentifier() else "function"
    sizes, far = _sizes(domain, maker, options)
    if maker is None and not any(map(domain.count, sizes)):
        options.notes.append("the arguments hold no numbers: no value and no gradient was compared")
    count = 0 if maker is not None else domain.count(sizes[0])
    once = count > MOST_OFTEN
    if count > MOST_NUMBERS:
        options.notes.append(
            f"the example holds {count} numbers and no smaller sizes may be asked: "
            + ("it was asked once per dtype until it failed, " if once else "")
            + "with limits of a thousandth"
        )
    manner = Manner(
        dtype=dtype,
        tolerance=options.tolerance,
        rough=count > MOST_NUMBERS,
        maker=maker,
        read=made,
        givens=subject.givens,
        numbered=subject.numbered,
    )
    arguments = tuple(domain.argument(piece) for piece in domain.given.pieces)
    if subject.numbered:
        arguments += (NumberArgument("draw", (0,)),)
    found: list[Found] = []
    for aspect in aspects(subject, arguments, inside.functions, inside.several, maker is not None):
        entry = EntryPoint(
            name + aspect.suffix, aspect.arguments, tuple(sizes), aspect.has_gradient
        )
        oracle = Oracle(entry.name, aspect.reference, aspect.vjp)
        bench = OwnBench(
            _scenario(entry),
            Oracles({entry.name: oracle}, {}, {}),
            options.seed,
            replace(
                manner,
                size=_size(aspect, subject) if options.tolerance else 0.0,
                rough=manner.rough or aspect.rough,
            ),
        )
        if once:
            others = tuple(getattr(torch, n) for n in options.names if not subject.random)
            made_checks = [FarSizes(tuple(map(FrozenMapping, sizes)), others)]
        else:
            made_checks = list(_checks_of(aspect, subject, far, dtype, options))
        found += _of_aspect(bench, entry, aspect, made_checks, subject, options)
        if any(f.raised for f in found if f.finding.outcome is Outcome.FAILED):
            break  # what raises is mended first
    return Report(title, tuple(found), tuple(dict.fromkeys(options.notes)))


def _size(aspect: Aspect, subject: Subject) -> float:
    """The largest value of the result at the example, where it takes nothing else."""
    if len(aspect.arguments) != len(example_values(subject, torch.float64)):
        return 0.0
    try:
        found = aspect.reference(*example_values(subject, torch.float64)).detach()
    except Exception:
        return 0.0
    finite = found[found.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _sizes(
    domain: Domain, maker: Maker | None, options: Options
) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    if maker is not None:
        return [{MADE: size} for size in maker.sizes()], []
    sizes, usual = domain.sizes(), domain.usual()
    if domain.is_large and usual != domain.own:
        shown = ", ".join(
            f"{piece.name} {tuple(usual.get(str(n), n) for n in domain.shape(piece))}"
            for piece in domain.given.pieces
            if piece.is_tensor
        )
        once = ", and once at its own size unless it failed" if domain.own in domain.far() else ""
        options.notes.append(f"the example is large: asked at {shown} and smaller{once}")
    far = domain.far() + domain.between(generator(options.seed, "sizes between"))
    far.sort(key=domain.count)
    # Down again after the largest: what was made for a larger one may be left there.
    return sizes, [*far, *far[-2::-1]]


def _checks_of(
    aspect: Aspect,
    subject: Subject,
    far: Sequence[dict[str, int]],
    dtype: torch.dtype,
    options: Options,
) -> Iterator[Any]:
    """The checks that an aspect is asked, ready to draw."""
    names = tuple(n for n in options.names if not subject.random)
    wide = dtype is torch.float64
    settings: dict[str, dict[str, Any]] = {
        "dtypes": {"dtypes": names},
        "double_backward": {"may_refuse": not options.double_backward},
    }
    known = checks.kinds()
    for kind in aspect.kinds:
        match kind:
            case "dtypes" if not names:
                continue
            case "gradgradcheck" if not options.double_backward:
                continue
            case "double_backward" if options.tolerance and not options.double_backward:
                continue  # a stated error says nothing of how fast it changes
            case "gradcheck" | "gradgradcheck" if (
                not wide or options.gradient is not None or options.tolerance
            ):
                continue
            case "edges" if options.make is not None:
                continue
            case "zeros" if options.make is not None:
                continue
            case "zeros":
                yield Zeros()
            case "far_sizes" if far:
                stated = tuple(getattr(torch, n) for n in names if options.dtypes is not None)
                others = tuple(one for one in stated if one is not dtype)
                yield FarSizes(tuple(FrozenMapping(size) for size in far), others)
            case "far_sizes":
                continue
            case "result_in_place":
                yield ResultInPlace()
            case "layouts" if options.make is not None:
                yield LayoutsOfMade()
            case "no_mutation":
                yield NoMutation(views=True)
            case _ if kind in known:
                yield known[kind](**settings.get(kind, {}))


def _of_aspect(
    bench: OwnBench,
    entry: EntryPoint,
    aspect: Aspect,
    made: Sequence[Any],
    subject: Subject,
    options: Options,
) -> list[Found]:
    context = SubmissionContext(analyse(""), {})
    heard: list[CheckResult] = []
    with in_process(entry.name, aspect.fn) as session, torch.enable_grad():
        for check_ in made:
            assert not isinstance(check_, InteractiveCheck), "it needs a process of its own"
            if not check_.fits(entry):
                continue
            if isinstance(check_, FarSizes):
                far = _one_by_one(bench, entry, aspect, check_, session, context)
                heard += [far] if far is not None else []
                continue
            trials = _trials(bench, entry, check_, options, subject.random)
            if not trials:
                continue
            order = random.Random(f"{bench.seed}/{check_.kind}")
            answers = put(session, [t.question for t in trials], shuffle=order)
            if check_.kind not in STOCK:
                trials, answers = _fair(bench, entry, aspect, trials, answers)
                if not trials:
                    continue
            PlannedCheck(check_, entry, True, trials).mark(answers)
            found = check_.judge(bench, entry, trials, answers, context)
            finding = found.finding(check_.kind, entry.name, True)
            heard.append(CheckResult(finding, trials, answers))
        ask = None if options.make is not None or subject.random else partial(put, session)
        smallest = find_smallest(bench, heard, ask)
    start = preamble(subject, aspect, entry.name, _draws(smallest, subject))
    findings = explain(bench, heard, smallest, "" if start is None else start.text)
    findings = [
        replace(f, snippet=None)
        if f.snippet is not None and (start is None or not shows(f.snippet, start, subject))
        else f
        for f in findings
    ]
    return [
        Found(finding, aspect.words, _raised(result), aspect.rule)
        for finding, result in zip(findings, heard, strict=True)
    ]


def _one_by_one(
    bench: OwnBench,
    entry: EntryPoint,
    aspect: Aspect,
    check_: FarSizes,
    session: Session,
    context: SubmissionContext,
) -> CheckResult | None:
    """The first failing trial, or that there is none; all of them together take much memory.

    ``None`` where nothing could be asked.
    """
    count = 0
    kept: list[tuple[Trial, Answer]] = []
    for trial in check_.draw(bench, entry, bench.drawer(entry, check_.kind)):
        answers = put(session, [trial.question])
        trials, answers = _fair(bench, entry, aspect, (trial,), answers)
        found = check_.judge(bench, entry, trials, answers, context)
        if found.outcome is Outcome.FAILED:
            return CheckResult(found.finding(check_.kind, entry.name, True), trials, answers)
        count += len(trials)
        if trial.question.case.elements <= MOST_OFTEN:
            kept += zip(trials, answers, strict=True)
        del trial, trials, answers  # before the next ones are made
    if not count:
        return None
    passed = Judgement.passed(f"{check_.pass_message} in {count} cases.")
    finding = passed.finding(check_.kind, entry.name, True)
    trials = tuple(trial for trial, _ in kept)
    return CheckResult(finding, trials, [answer for _, answer in kept])


def _trials(
    bench: OwnBench, entry: EntryPoint, check_: Check, options: Options, random_numbers: bool
) -> tuple[Trial, ...]:
    """What a check asks, without what cannot be asked of this function."""
    if check_.kind in STOCK:
        case = bench.drawer(entry, "size").case(entry.sizes[0])
        if sum(t.numel() for t in case.tensors.values()) > MOST_FOR_GRADCHECK:
            options.notes.append("stock gradcheck was not asked: the arguments are large")
            return ()
    try:
        trials = check_.trials(bench, entry)
    except OracleError as error:
        if check_.kind != "double_backward" or options.double_backward:
            raise
        warnings.warn(
            f"second derivatives were not asked: the reference has none, it {error.said}",
            UncheckedWarning,
            stacklevel=6,
        )
        return ()
    except ScenarioError:
        options.notes.append(
            f"stock {check_.kind} was not asked: it does not accept the reference itself, whose "
            "gradient is not the derivative of its result"
        )
        return ()
    if random_numbers:  # they are drawn in the order of memory
        return tuple(t for t in trials if not t.question.layouts)
    return trials


def _fair(
    bench: OwnBench,
    entry: EntryPoint,
    aspect: Aspect,
    trials: tuple[Trial, ...],
    answers: list[Answer],
) -> tuple[tuple[Trial, ...], list[Answer]]:
    """Without the questions that the reference itself is no right answer to.

    It refuses a layout or a dtype, gives another result there, or one that is a view of its input
    and so requires grad where no other one does. Where it has several gradients, each is right.
    """
    failed = [
        place
        for place, (trial, answer) in enumerate(zip(trials, answers, strict=True))
        if answer.error is not None or not trial.is_right(answer)
    ]
    if not failed:
        return trials, answers
    with in_process(entry.name, aspect.reference) as session:
        theirs = put(session, [trials[place].question for place in failed])
    fair: dict[int, Trial | None] = {}
    for place, answer in zip(failed, theirs, strict=True):
        unfair = _is_no_measure(aspect, trials[place], answer)
        fair[place] = None if unfair else _with_all_subgradients(bench, aspect, trials[place])
    pairs = [
        (fair.get(i, trial), answer)
        for i, (trial, answer) in enumerate(zip(trials, answers, strict=True))
    ]
    kept = [(trial, answer) for trial, answer in pairs if trial is not None]
    return tuple(trial for trial, _ in kept), [answer for _, answer in kept]


def _with_all_subgradients(bench: OwnBench, aspect: Aspect, trial: Trial) -> Trial | None:
    """The trial where each subgradient is right, as at ties; ``None`` where all is uncertain."""
    cases = [call.case for call in trial.question.calls]
    if aspect.chooses:
        return None if any(bench.reference(case).chooses() for case in cases) else trial
    if aspect.vjp is not None or not aspect.has_gradient or not any(map(_is_special, cases)):
        return trial
    question = trial.question
    if question.ask != "vjp":
        return None if any(_jumps(bench, case) for case in cases) else trial
    parts = [part for part in trial.expected if part.role is Role.GRADIENT]
    found = bench.reference(question.case).subgradients(
        [trial.expected[part] for part in parts],
        question.cotangents[0].value,
        [question.grad[part.place or 0] for part in parts],
    )
    return replace(trial, expected={**trial.expected, **dict(zip(parts, found, strict=True))})


def _is_special(case: Case) -> bool:
    """Whether two values of a tensor are equal, or one is zero."""
    return any(
        bool((tensor == 0).any()) or len(torch.unique(tensor)) < tensor.numel()
        for tensor in case.tensors.values()
    )


def _jumps(bench: OwnBench, case: Case) -> bool:
    """Whether the reference has more than one gradient there."""
    reference = bench.reference(case, rough=True)
    cotangent = bench.drawer(case.entry, "jumps").normal(reference.value().shape)
    expected = reference.gradients(cotangent, case.differentiable)
    found = reference.subgradients(expected, cotangent, case.differentiable)
    return not all(one.is_point for one in found)


def _is_no_measure(aspect: Aspect, trial: Trial, answer: Answer) -> bool:
    """Whether the reference itself gave an answer that is not right."""
    found = trial.mismatch(answer)
    if found is None or answer.error is not None or aspect.vjp is None:
        return found is not None
    # Its gradient is not the contract's.
    return found.fault is Fault.HAS_HISTORY or found.quantity == RESULT


def _draws(smallest: Smallest, subject: Subject) -> Iterator[int]:
    """Numbers of the draws that snippets show."""
    if not subject.numbered:
        return
    for trial, _ in smallest.values():
        for question in (trial.question, *trial.question.others):
            yield int(question.case.values[-1])  # type: ignore[arg-type]


def _raised(result: CheckResult) -> Raised | None:
    """The exception that a check failed by, the one of the smallest arguments."""
    if not result.failed:
        return None
    errors = [
        (trial.question.case.elements, answer)
        for trial, answer in result.pairs
        if answer.error is not None
    ]
    wrong = any(
        not trial.is_right(answer)
        for trial, answer in result.pairs
        if answer.error is None and trial.expected
    )
    if not errors or wrong:
        return None
    _, answer = min(errors, key=lambda pair: pair[0])
    assert answer.error is not None
    frames = tuple(str(frame) for frame in answer.error.get("frames", ()))
    return Raised(answer.error_text(), str(answer.error.get("type")), frames)


def _scenario(entry: EntryPoint, specs: Sequence[CheckSpec] = ()) -> Scenario:
    """Stands for the YAML that a graded request has."""
    return Scenario(
        id=entry.name,
        title=entry.name,
        skill="",
        phase="",
        pressures=(),
        neutral="",
        pressured="",
        traps=(),
        expected_behaviour=(),
        entry_points=(entry,),
        checks=tuple(specs),
        verification=Level.NONE,
        gradcheck_fails_by_design=False,
        asks_for_function=False,
        provided=(),
        limits=Limits(),
        path=Path("harness.check"),
        fingerprint="",
    )
