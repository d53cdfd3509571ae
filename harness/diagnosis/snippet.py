"""A failing trial as a few lines of Python that show it again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from harness.checks.context import Trial
from harness.diagnosis.shrink import MOST_NUMBERS
from harness.model import Fault
from harness.numerics.expectation import Expected
from harness.numerics.inputs import LeftOut, Log, PlainValue, Stack, Value
from harness.numerics.plain.difference import literal
from harness.numerics.question import Answer, Question
from harness.sandbox.inside.part import Part, Role

# The line that imports the entry point; ``{}`` is its name.
FROM_SOLUTION = "from solution import {}"
SHOWN = 8


def of_trial(trial: Trial, answer: Answer, imported: str = FROM_SOLUTION) -> str | None:
    """Lines that ask the trial's question and print what comes and what is right.

    ``None`` for questions that take too many lines, or for which there are no such lines.
    """
    question = trial.question
    name = question.case.entry.name
    lines = ["import torch", imported.format(name), ""]
    if question.manner == "copied" or question.change == "copy":
        lines.insert(0, "import copy")
    if answer.error is not None and answer.fault is Fault.WRONG_PARAMETERS:
        shown = "p" if question.manner == "fresh" else "p.shape"
        every = f"[(name, {shown}, p.requires_grad) for name, p in module.named_parameters()]"
        lines += [f"module = {_constructed(question)}", f"print({every})"]
        return "\n".join([*lines, f"# {_cut(answer.told_error())}"]) + "\n"
    if question.ask == "training":
        return _of_training(trial, answer, lines)
    calls = _numbered(question)
    made = [_arguments(call, suffix, lines) for call, suffix in calls]
    called: list[list[str]] = []
    for (call, suffix), arguments in zip(calls, made, strict=True):
        if arguments is None:
            return None
        before = _changed(question) if question.change and call is not question else []
        called.append([*before, *_call(call, suffix, arguments)])
    if question.ask not in (*_ASKS, "interleaved") or (question.cotangents and not question.grad):
        return None
    if question.ask == "interleaved":
        lines += _interleaved(question, called)
    else:
        lines += [*(line for call in called for line in call), *_ASKS[question.ask](question)]
    if answer.error is not None:
        return "\n".join([*lines, f"# raises {_cut(answer.error_text())}"]) + "\n"
    for part, expected in trial.expected.items():
        got = answer.parts.get(part)
        if not expected.is_right(got):
            printed = _printed(question, part)
            if printed is None:
                return None
            lines += _told(expected, got, printed)
            break
    return "\n".join(lines) + "\n"


def _call(call: Question, suffix: str, arguments: Sequence[str]) -> list[str]:
    """Lines that make one call."""
    lines = ["with torch.no_grad():"] if call.no_grad else []
    lines += ["with torch.inference_mode():"] if call.inference else []
    lines += [f'with torch.autocast("cpu", torch.{call.autocast}):'] if call.autocast else []
    indent = "    " if lines else ""
    lines += [f"{indent}torch.manual_seed({call.seed})"] if call.seed else []
    lines.append(f"{indent}y{suffix} = {_called(call, suffix)}({', '.join(arguments)})")
    return [*lines, "y = y.float()"] if call.autocast else lines


def _numbered(question: Question) -> list[tuple[Question, str]]:
    """Every call of the question with what its names end in."""
    calls = [question, *question.others]
    return [(call, str(i + 1) if question.others else "") for i, call in enumerate(calls)]


def of_gradcheck(question: Question, kind: str, imported: str = FROM_SOLUTION) -> str | None:
    """Lines that run stock gradcheck at the question's inputs."""
    lines = ["import torch", imported.format(question.case.entry.name), ""]
    arguments = _arguments(question, "", lines, precise=True)
    case = question.case
    if arguments is None or not case.differentiable:
        return None
    call = f"{case.entry.name}({', '.join(arguments)})"
    if case.entry.module is not None:
        own = [
            f'"{n}": {_identifier(n)}' for n in case.differentiable if n in case.entry.parameters
        ]
        given = ", ".join(one for one in arguments if "=" not in one)
        named = ", ".join(f'"{k}": {v}' for k, _, v in (a.partition("=") for a in arguments) if v)
        call = (
            f"torch.func.functional_call(module, {{{', '.join(own)}}}, "
            f"({given}{',' if given else ''}), {{{named}}})"
        )
    names = ", ".join(map(_identifier, case.differentiable))
    leaves = ", ".join(_leaf(question, name, "") for name in case.differentiable)
    lines.append(
        f"torch.autograd.{kind}(lambda {names}: {call}, ({leaves},), eps=6e-6, atol=1e-6, "
        "rtol=1e-6)"
    )
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> str:
    return name.replace(".", "_")


def _called(question: Question, suffix: str) -> str:
    """What is called: the entry point, or an instance of it."""
    entry = question.case.entry
    if entry.module is None:
        return entry.name
    return f"module{_first(suffix) if _is_shared(question) else suffix}"


def _is_shared(question: Question) -> bool:
    """Whether it is a call of the instance of an earlier call."""
    kept = question.case.entry.kept
    return bool(kept) and set(kept) <= set(question.shared)


def _first(suffix: str) -> str:
    """What the names of the call that is shared with end in."""
    return "1" if suffix.isdigit() else ""


def _changed(question: Question) -> list[str]:
    """Lines that give the parameters of the first call's instance the values of the second."""
    (other,) = question.others
    own = {n: v for n, v in other.case.tensors.items() if n in other.case.entry.parameters}
    if question.change == "load":
        state = ", ".join(f'"{name}": {_literal(value)}' for name, value in own.items())
        return [f"module1.load_state_dict({{{state}}}, strict=False)"]
    copied = ["first = module1", "module1 = copy.deepcopy(first)"]
    return [
        *(copied if question.change == "copy" else ()),
        "with torch.no_grad():",
        *(f"    {_leaf(other, n, '1')}.copy_({_literal(value)})" for n, value in own.items()),
        *(f"    first.get_parameter({n!r}).zero_()" for n in own if question.change == "copy"),
    ]


def _leaf(question: Question, name: str, suffix: str) -> str:
    """An argument as it is known after the lines that make it; ``suffix`` is that of its call."""
    if name in question.case.entry.parameters:
        # Parts of the names inside an nn.Sequential are numbers.
        plain = all(map(str.isidentifier, name.split(".")))
        return f"module{suffix}.{name}" if plain else f'module{suffix}.get_parameter("{name}")'
    return f"{name}{suffix}"


def _leaves(question: Question, suffix: str) -> str:
    names = [
        _leaf(question, name, "1" if name in question.shared else suffix) for name in question.grad
    ]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _grads(question: Question) -> str:
    """A line that reads what ``.backward()`` left."""
    leaves = [_leaf(question, name, "") for name in question.grad]
    return f"grads = [{', '.join(f'{leaf}.grad' for leaf in leaves)}]"


def _vjp(question: Question) -> list[str]:
    first = question.cotangents[0]
    return [
        f"g = {_literal(first.value)}",
        *_laid_out("g", first.layout, first.order),
        f"grads = torch.autograd.grad(y, {_leaves(question, '')}, g, allow_unused=True"
        f"{', create_graph=True' * question.create_graph})",
    ]


def _in_graph(question: Question) -> list[str]:
    value = question.cotangents[0].value
    return [
        f"g = {_literal(value)}",
        f"z = torch.zeros({tuple(value.shape)}, dtype={value.dtype}, requires_grad=True)",
        "total = y + 2 * z",
        f"*grads, grad_z = torch.autograd.grad(total, (*{_leaves(question, '')}, z), g, "
        "allow_unused=True)",
    ]


def _backward(question: Question) -> list[str]:
    return [
        f"g = {_literal(question.cotangents[0].value)}",
        "y.backward(g)",
        _grads(question),
    ]


def _chained(question: Question) -> list[str]:
    last = question.others[-1]
    return [
        f"g = {_literal(last.cotangents[0].value)}",
        f"grads = torch.autograd.grad(y{len(question.others) + 1}, {_leaves(question, '1')}, g)",
    ]


def _of_training(trial: Trial, answer: Answer, lines: list[str]) -> str | None:
    """Lines of two steps of training, with what is wrong in ``.grad`` or in a result."""
    question, way = trial.question, trial.question.training
    case = question.case
    wrong = [p for p, e in trial.expected.items() if not e.is_right(answer.parts.get(p))]
    calls = [*zip((question, *question.others), ("", "", "_3"), strict=True)]
    if way is None or case.stack is not None or not (wrong or answer.error is not None):
        return None
    made = []
    for call, suffix in calls:
        before = len(lines)
        arguments = _arguments(call, suffix, lines)
        if arguments is None:
            return None
        made.append((arguments, lines[before:]))
        del lines[before:]
    (first, make), (second, update), (third, add) = made
    cotangents = [_literal(call.cotangents[0].value) for call, _ in calls]
    leaves = [_leaf(question, name, "") for name in question.grad]
    calls_of = [_called(call, suffix) for call, suffix in calls]
    lines += make
    lines += [f"{leaf}.grad = torch.ones_like({leaf})" for leaf in leaves if way.before]
    lines += [f"y1 = {calls_of[0]}({', '.join(first)})", f"y1.backward({cotangents[0]})"]
    lines += [f"g1 = [{', '.join(f'{leaf}.grad.clone()' for leaf in leaves)}]"]
    setting = {"to_none": "{0}.grad = None", "to_zero": "{0}.grad.zero_()"}.get(way.between)
    lines += [setting.format(leaf) for leaf in leaves if setting is not None]
    values = question.others[0].case.tensors
    lines += [
        f"{leaf}.data.copy_({_literal(values[name])})  # a step"
        for leaf, name in zip(leaves, question.grad, strict=True)
    ]
    lines += [
        *update,
        *add,
        f"y2 = {calls_of[1]}({', '.join(second)})",
        f"y3 = {calls_of[2]}({', '.join(third)})",
    ]
    sums = [f"{leaf}.sum()" for leaf in leaves if way.elsewhere]
    ones = [f"torch.ones((), dtype={leaf}.dtype)" for leaf in leaves if way.elsewhere]
    outputs, cotangent = ", ".join(["y2", "y3", *sums]), ", ".join([*cotangents[1:], *ones])
    lines.append(f"torch.autograd.backward([{outputs}], [{cotangent}])")
    if answer.error is not None:
        return "\n".join([*lines, f"# raises {_cut(answer.error_text())}"]) + "\n"
    part = wrong[0]
    named = question.grad[part.place or 0] if question.grad else ""
    at = {
        0: "g1[{}]",
        1: f"{_leaf(question, named, '')}.grad",
        2: f"{_leaf(question, named, '_3')}.grad",
    }
    number = part.call or 0
    shown = f"y{number + 1}" if part.role is Role.RESULT else at[number].format(part.place)
    return "\n".join([*lines, *_told(trial.expected[part], answer.parts.get(part), shown)]) + "\n"


def _told(expected: Expected, got: torch.Tensor | None, expression: str) -> list[str]:
    return [
        f'print("got     ", {expression})',
        f'print("expected", {_expected(expected)})',
        f"# {expected.quantity}: got {_shown(got)}, expected {_shown(expected.low)}",
    ]


def _vjp2(question: Question) -> list[str]:
    cotangent, *outer = question.cotangents
    return [
        f"g = {_literal(cotangent.value)}.requires_grad_()",
        f"first = torch.autograd.grad(y, {_leaves(question, '')}, g, create_graph=True)",
        f"weights = [{', '.join(_literal(weight.value) for weight in outer)}]",
        "pairs = [(f, w) for f, w in zip(first, weights) if f.requires_grad]",
        "torch.autograd.backward([f for f, _ in pairs], [w for _, w in pairs])",
        _grads(question),
    ]


def _interleaved(question: Question, called: Sequence[Sequence[str]]) -> list[str]:
    """Calls, whose lines are known, and their backwards in the order in which they are asked."""
    calls, lines = _numbered(question), list[str]()
    waiting = [[c.value for c in call.cotangents] for call, _ in calls]
    seen = set[int]()
    for place in question.schedule:
        if place not in seen:
            lines += called[place]
            seen.add(place)
            continue
        call, suffix = calls[place]
        first = len(waiting[place]) == len(call.cotangents)
        cotangent = _literal(waiting[place].pop(0))
        keep = ", retain_graph=True" if waiting[place] else ""
        lines.append(
            f"{f'grads{suffix}' if first else 'again'} = torch.autograd.grad(y{suffix}, "
            f"{_leaves(call, suffix)}, {cotangent}{keep})"
        )
    return lines


def _of_second(question: Question) -> list[str]:
    """Gradients of the second of two calls, where it has any."""
    (other,) = question.others
    if not other.cotangents:
        return []
    leaves = _leaves(other, "2")
    return [
        f"g2 = {_literal(other.cotangents[0].value)}",
        f"grads2 = torch.autograd.grad(y2, {leaves}, g2, allow_unused=True)",
    ]


# Lines that follow the calls, per verb.
_ASKS: Mapping[str, Callable[[Question], list[str]]] = {
    "forward": lambda question: [],
    "vjp": _vjp,
    "in_graph": _in_graph,
    "backward": _backward,
    "vjp2": _vjp2,
    "nested": _chained,
    "changed": _of_second,
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
            return _leaf(question, list(question.case.handed_over)[part.place or 0], "")
        case Role.COTANGENT:
            return "g"
        case Role.COTANGENT_GRADIENT:
            return "g.grad"
        case Role.FIRST:
            return f"first[{part.place}]"
    return None


def _arguments(
    question: Question, suffix: str, lines: list[str], *, precise: bool = False
) -> list[str] | None:
    """Names of the arguments of the call, after lines that make them."""
    case, names = question.case, list[str]()
    by_name = case.by_name(defaults=question.keywords)
    parameters: list[str] = []
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        part = case.entry.part(argument.name)
        if isinstance(value, LeftOut) or part == "constructor":
            continue
        if part == "parameter" and isinstance(value, torch.Tensor):
            if value.numel() > MOST_NUMBERS and _as_ramp(value) is None:
                return None
            leaf = _leaf(question, argument.name, suffix)
            parameters.append(f"{leaf}.data.copy_({_literal(value, precise=precise)})")
            if argument.name not in question.grad:
                parameters.append(f"{leaf}.requires_grad_(False)")
            continue
        name = _argument(question, argument.name, value, suffix, lines, precise=precise)
        if name is None:
            return None
        names.append(f"{argument.name}={name}" if argument.name in by_name else name)
    if case.entry.module is not None and not _is_shared(question):
        made = f"{_constructed(question)}.to({next(iter(case.tensors.values())).dtype})"
        lines += [f"module{suffix} = {made}", *parameters]
        lines += [
            line.format(f"module{suffix}", made) for line in _TREATED.get(question.manner or "", ())
        ]
    return names


def _constructed(question: Question) -> str:
    """The call that makes a module."""
    case = question.case
    by_name = case.by_name(defaults=question.keywords)
    given = []
    for argument, value in zip(case.entry.arguments, case.values, strict=False):
        if case.entry.part(argument.name) == "constructor" and not isinstance(value, LeftOut):
            name = literal(value.value if isinstance(value, PlainValue) else value)
            given.append(f"{argument.name}={name}" if argument.name in by_name else name)
    return f"{case.entry.name}({', '.join(given)})"


# Per manner (see ``sandbox.inside.modules``), lines for the name of a module and how it is made.
_TREATED = {
    "train": ["{0}.eval()", "{0}.train()"],
    "eval": ["{0}.eval()"],
    "copied": [
        "first = {0}",
        "{0} = copy.deepcopy(first)",
        "for parameter in first.parameters():",
        "    parameter.data.zero_()",
    ],
    "restored": [
        "state = {0}.state_dict()",
        "{0} = {1}",
        "{0}.load_state_dict(state)",
    ],
}


def _argument(
    question: Question, of: str, value: Value, suffix: str, lines: list[str], *, precise: bool
) -> str | None:
    """The argument called ``of`` in the call, after lines that make it."""
    name = f"{of}{suffix}"
    if of in question.shared and isinstance(value, torch.Tensor | Stack):
        first = _first(suffix)
        return f"{of}{first}" if isinstance(value, torch.Tensor) else f"*stack{first}"
    if question.fed is not None and of == question.fed[0]:
        return f"y1 * {question.fed[1]!r}"
    match value:
        case torch.Tensor():
            if value.numel() > MOST_NUMBERS and (
                not value.is_floating_point() or _as_ramp(value) is None
            ):
                return None
            lines.append(f"{name} = {_literal(value, precise=precise)}")
            lines += _laid_out(name, *question.layout_of(of))
            if of in question.grad:
                lines.append(f"{name}.requires_grad_()")
                if question.had_gradient:
                    lines.append(f"{name}.grad = torch.ones_like({name})")
                return _DERIVED[question.inner].format(name) if question.inner else name
            return name
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
                *(["    parameter.requires_grad_(False)"] if question.frozen else ()),
            ]
            return f"*stack{suffix}"
        case Log():
            return "lambda event, statistics: None"
        case PlainValue():
            return literal(value.value)
    return repr(value)


# Per layout, a line that puts a tensor into it, values unchanged.
_LAYOUTS = {
    "permuted": "{0} = {0}.contiguous()",
    "transposed": "{0} = {0}.mT.contiguous().mT  # not contiguous",
    "strided": "{0} = {0}.repeat_interleave(2, -1)[..., ::2]  # not contiguous",
    "offset": (
        "{0} = torch.cat([torch.zeros(3, dtype={0}.dtype), {0}.reshape(-1)])"
        "[3:].view({0}.shape)  # not at the start of its memory"
    ),
    "expanded": "{0} = {0}[:1].expand({0}.shape)  # stride 0",
    "sliced": (
        "{0} = torch.cat([{0}, {0}], {1}).narrow({1}, {0}.shape[{1}], {0}.shape[{1}])"
        "  # a slice of a larger tensor"
    ),
    "filled": "{0} = {0}.reshape(-1)[:1].squeeze().expand({0}.shape)  # stride 0",
}


# Per operation, an expression for its result, with the values of a tensor.
_DERIVED = {
    "times": "{0} * 1",
    "plus": "{0} + (-0.0)",
    "rows": "torch.stack([{0} * 0 + 7, {0}, {0} * 0 + 7])[1]",
    "joined": "torch.stack([{0}]).sum(0)",
    "product": "{0}.unsqueeze(-1) @ torch.ones(1, dtype={0}.dtype)",
}


def _laid_out(name: str, layout: str | None, order: Sequence[int]) -> list[str]:
    if layout is None:
        return []
    line = _LAYOUTS[layout].format(name, *order)
    if not order or layout == "sliced":
        return [line]
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    return [
        f"{name} = {name}.permute({tuple(order)})",
        line,
        f"{name} = {name}.permute({back})  # its dimensions lie in another order in memory",
    ]


def _literal(tensor: torch.Tensor, *, precise: bool = True) -> str:
    ramp = _as_ramp(tensor) if tensor.is_floating_point() else None
    if ramp is not None and tensor.numel() > SHOWN:
        return ramp
    if tensor.numel() == 0:
        return f"torch.empty({tuple(tensor.shape)}, dtype={tensor.dtype})"
    if not tensor.is_floating_point():
        return f"torch.tensor({tensor.tolist()})"
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
    if not math.isfinite(value):
        return f'float("{short}")'
    text = short if abs(float(short) - value) <= 1e-6 * abs(value) else repr(value)
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


def _expected(expected: Expected) -> str:
    value = expected.low.to(expected.dtype)
    return _literal(value) if value.numel() <= MOST_NUMBERS else f'"{_shown(expected.low)}"'


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
