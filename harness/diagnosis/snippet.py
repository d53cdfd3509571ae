"""A failing trial as a few lines of Python that show it again."""

from __future__ import annotations

import torch

from harness.checks.context import Trial
from harness.diagnosis.shrink import MOST_NUMBERS
from harness.numerics.expectation import Expected
from harness.numerics.inputs import Log, Stack
from harness.numerics.question import Answer, Question
from harness.sandbox.inside.part import BRANCH, Part, Role

# The line that imports the entry point; ``{}`` is its name.
FROM_SOLUTION = "from solution import {}"
SHOWN = 8


def of_trial(trial: Trial, answer: Answer, imported: str = FROM_SOLUTION) -> str | None:
    """Lines that ask the trial's question and print what comes and what is right."""
    question = trial.question
    lines = ["import torch", imported.format(question.case.entry.name), ""]
    calls = [question, *question.others]
    prepared = []
    for index, call in enumerate(calls):
        suffix = str(index + 1) if len(calls) > 1 else ""
        arguments = _arguments(call, suffix, lines)
        if arguments is None:
            return None
        prepared.append((call, suffix, arguments))
    name = question.case.entry.name
    for call, suffix, arguments in prepared:
        if call.no_grad:
            lines.append("with torch.no_grad():")
        indent = "    " if call.no_grad else ""
        if call.seed:
            lines.append(f"{indent}torch.manual_seed({call.seed})")
        lines.append(f"{indent}y{suffix} = {name}({', '.join(arguments)})")
    wrong = _first_wrong(trial, answer)
    ask = _ASKS.get(question.ask)
    if ask is None or not ask(prepared, lines, wrong):
        return None
    if answer.error is not None:
        lines.append(f"# raises {_cut(answer.error_text())}")
    elif wrong is not None:
        part, expected, got = wrong
        printed = _printed(question, part)
        if printed is None:
            return None
        lines.append(f'print("got     ", {printed})')
        lines.append(f'print("expected", {_expected(expected, got)})')
        lines.append(f"# {expected.quantity}: got {_shown(got)}, expected {_shown(expected.low)}")
    return "\n".join(lines) + "\n"


def of_gradcheck(question: Question, kind: str, imported: str = FROM_SOLUTION) -> str | None:
    """Lines that run stock gradcheck at the question's inputs."""
    lines = ["import torch", imported.format(question.case.entry.name), ""]
    arguments = _arguments(question, "", lines, precise=True)
    names = ", ".join(question.case.differentiable)
    if arguments is None or not names:
        return None
    call = f"{question.case.entry.name}({', '.join(arguments)})"
    lines.append(
        f"torch.autograd.{kind}(lambda {names}: {call}, ({names},), eps=6e-6, atol=1e-6, rtol=1e-6)"
    )
    return "\n".join(lines) + "\n"


Prepared = list[tuple[Question, str, list[str]]]
Wrong = tuple[Part, Expected, torch.Tensor | None]


def _first_wrong(trial: Trial, answer: Answer) -> Wrong | None:
    for part, expected in trial.expected.items():
        got = answer.parts.get(part)
        if expected.mismatch(got) is not None:
            return part, expected, got
    return None


def _leaves(question: Question, suffix: str) -> str:
    names = [f"{name}{suffix}" for name in question.grad]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _ask_forward(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    return True


def _ask_vjp(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    question, _, _ = prepared[0]
    if not question.grad:
        return False
    lines.append(f"g = {_literal(question.cotangents[0].value)}")
    _lay_out("g", question.cotangents[0].layout, lines)
    lines.append(f"grads = torch.autograd.grad(y, {_leaves(question, '')}, g, allow_unused=True)")
    return True


def _ask_in_graph(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    question, _, _ = prepared[0]
    value = question.cotangents[0].value
    lines += [
        f"g = {_literal(value)}",
        f"z = torch.zeros({tuple(value.shape)}, dtype={value.dtype}, requires_grad=True)",
        "total = y + 2 * z",
        f"*grads, grad_z = torch.autograd.grad(total, (*{_leaves(question, '')}, z), g, "
        "allow_unused=True)",
    ]
    return wrong is None or wrong[0] != BRANCH


def _ask_backward(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    question, _, _ = prepared[0]
    lines.append(f"g = {_literal(question.cotangents[0].value)}")
    lines.append("y.backward(g)")
    grads = [f"{name}.grad" for name in question.grad]
    lines.append(f"grads = [{', '.join(grads)}]")
    return True


def _ask_vjp2(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    question, _, _ = prepared[0]
    cotangent, *outer = question.cotangents
    lines.append(f"g = {_literal(cotangent.value)[:-1]}, requires_grad=True)")
    lines.append(f"first = torch.autograd.grad(y, {_leaves(question, '')}, g, create_graph=True)")
    weights = ", ".join(_literal(weight.value) for weight in outer)
    lines += [
        f"weights = [{weights}]",
        "pairs = [(f, w) for f, w in zip(first, weights) if f.requires_grad]",
        "torch.autograd.backward([f for f, _ in pairs], [w for _, w in pairs])",
        f"grads = [{', '.join(f'{name}.grad' for name in question.grad)}]",
    ]
    return True


def _ask_interleaved(prepared: Prepared, lines: list[str], wrong: Wrong | None) -> bool:
    for question, suffix, _ in prepared:
        lines.append(f"g{suffix} = {_literal(question.cotangents[0].value)}")
    for question, suffix, _ in reversed(prepared):
        keep = ", retain_graph=True" if suffix == "1" else ""
        lines.append(
            f"grads{suffix} = torch.autograd.grad("
            f"y{suffix}, {_leaves(question, suffix)}, g{suffix}{keep})"
        )
    lines.append(f"again = torch.autograd.grad(y1, {_leaves(prepared[0][0], '1')}, g1)")
    return True


_ASKS = {
    "forward": _ask_forward,
    "vjp": _ask_vjp,
    "in_graph": _ask_in_graph,
    "backward": _ask_backward,
    "vjp2": _ask_vjp2,
    "interleaved": _ask_interleaved,
}


def _printed(question: Question, part: Part) -> str | None:
    """The expression for one part of an answer, in the names that the lines use."""
    number = "" if part.call is None else str(part.call + 1)
    match part.role:
        case Role.RESULT:
            return f"y{number}"
        case Role.GRADIENT:
            return f"grads{number}[{part.place}]"
        case Role.AGAIN:
            return f"again[{part.place}]"
        case Role.PARAMETER:
            return f"parameters[{part.place}].grad"
        case Role.INPUT:
            return list(question.case.tensors)[part.place or 0]
        case Role.COTANGENT:
            return "g"
        case Role.COTANGENT_GRADIENT:
            return "g.grad"
    return None


def _arguments(
    question: Question, suffix: str, lines: list[str], *, precise: bool = False
) -> list[str] | None:
    """Names of the arguments of the call, after lines that make them."""
    names: list[str] = []
    for argument, value in zip(question.case.entry.arguments, question.case.values, strict=False):
        name = f"{argument.name}{suffix}"
        match value:
            case torch.Tensor():
                if value.numel() > MOST_NUMBERS and _as_ramp(value) is None:
                    return None
                lines.append(f"{name} = {_literal(value, precise=precise)}")
                _lay_out(name, question.layouts.get(argument.name), lines)
                if argument.name in question.grad:
                    lines.append(f"{name}.requires_grad_()")
                    if question.inner:
                        names.append(f"{name} * 1")
                        continue
                names.append(name)
            case Stack():
                if sum(p.numel() for p in value.parameters) > MOST_NUMBERS:
                    return None
                lines[1:1] = ["from harness.sandbox.inside import layers"]
                build = f"layers.build({list(value.names)}, {value.width}, {value.dtype})"
                lines.append(f"stack{suffix} = {build}")
                lines.append(f"parameters = layers.parameters(stack{suffix})")
                values = ", ".join(_literal(p) for p in value.parameters)
                lines += [
                    f"for parameter, value in zip(parameters, [{values}]):",
                    "    parameter.data.copy_(value)",
                ]
                names.append(f"*stack{suffix}")
            case Log():
                names.append("lambda event, statistics: None")
            case _:
                names.append(repr(value))
    return names


def _lay_out(name: str, layout: str | None, lines: list[str]) -> None:
    """Put a tensor into the memory layout that was asked, values unchanged."""
    match layout:
        case "transposed":
            lines.append(f"{name} = {name}.mT.contiguous().mT  # not contiguous")
        case "strided":
            lines.append(f"{name} = {name}.repeat_interleave(2, -1)[..., ::2]  # not contiguous")
        case "offset":
            lines.append(
                f"{name} = torch.cat([torch.zeros(3, dtype={name}.dtype), {name}.reshape(-1)])"
                f"[3:].view({name}.shape)  # not at the start of its memory"
            )
        case "expanded":
            lines.append(f"{name} = {name}[:1].expand({name}.shape)  # stride 0")
        case "filled":
            lines.append(
                f"{name} = {name}.reshape(-1)[:1].squeeze().expand({name}.shape)  # stride 0"
            )


def _literal(tensor: torch.Tensor, *, precise: bool = True) -> str:
    ramp = _as_ramp(tensor)
    if ramp is not None and tensor.numel() > SHOWN:
        return ramp
    if tensor.numel() == 0:
        return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
    flat = tensor.reshape(-1)
    if tensor.numel() > SHOWN and bool((flat == flat[0]).all()):
        return f"torch.full({tuple(tensor.shape)}, {_number(float(flat[0]))}, dtype={tensor.dtype})"
    return f"torch.tensor({_nested(tensor)}, dtype={tensor.dtype})"


def _nested(tensor: torch.Tensor) -> str:
    if tensor.dim() == 0:
        return _number(float(tensor))
    return "[" + ", ".join(_nested(row) for row in tensor) + "]"


def _number(value: float) -> str:
    short = f"{value:.6g}"
    text = (
        short
        if float(short) == value or abs(float(short) - value) < 1e-6 * abs(value)
        else repr(value)
    )
    if text.lstrip("-") in ("inf", "nan"):
        return f'float("{text}")'
    return text if any(c in text for c in ".e") else f"{text}.0"


def _as_ramp(tensor: torch.Tensor) -> str | None:
    if tensor.numel() < 3:
        return None
    flat = tensor.reshape(-1)
    low, high = float(flat[0]), float(flat[-1])
    even = torch.linspace(low, high, flat.numel(), dtype=tensor.dtype)
    if low == high or not torch.equal(even, flat):
        return None
    return (
        f"torch.linspace({_number(low)}, {_number(high)}, {flat.numel()}, dtype={tensor.dtype})"
        + (f".reshape({tuple(tensor.shape)})" if tensor.dim() != 1 else "")
    )


def _expected(expected: Expected, got: torch.Tensor | None) -> str:
    value = expected.low.to(expected.dtype)
    if value.numel() > MOST_NUMBERS:
        return f'"{_shown(expected.low)}"'
    return _literal(value)


def _shown(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return "None"
    if tensor.dim() == 0:
        return f"{float(tensor):.6g}"
    flat = tensor.detach().reshape(-1)[:SHOWN].tolist()
    more = ", …" if tensor.numel() > SHOWN else ""
    shape = f" of shape {tuple(tensor.shape)}" if tensor.dim() > 1 else ""
    return "[" + ", ".join(f"{v:.6g}" for v in flat) + more + "]" + shape


def _cut(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
