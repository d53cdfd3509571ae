"""What the grader asks a candidate, and what comes back."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import torch

from harness.model import Fault, TensorArgument
from harness.numerics import torch_error
from harness.numerics.inputs import Case, LeftOut, Log, PlainValue, Stack
from harness.sandbox.inside import part, plain, wire
from harness.sandbox.inside.modules import ParameterError
from harness.sandbox.inside.part import Part
from harness.sandbox.session import CandidateFault, Session

# Questions per message; the first messages of a batch stay small, so that a
# candidate sees single calls as well as many at once.
CHUNK = 40
# Longest error message that is kept.
MOST_CHARACTERS = 700


@dataclass(frozen=True)
class Cotangent:
    """An incoming gradient and the memory layout it comes in."""

    value: torch.Tensor
    layout: str | None = None
    # The dimensions in the order in which the layout takes them; empty for the usual one.
    order: tuple[int, ...] = ()


@dataclass(frozen=True)
class Training:
    """How two steps of training go; see ``ask_training`` of ``sandbox.inside.serve``."""

    # Whether ones are in every ``.grad`` beforehand.
    before: bool
    # What happens to ``.grad`` between the steps: ``nothing``, ``to_none`` or ``to_zero``.
    between: str
    # Whether ``.backward()`` is called on one number, rather than on the results.
    loss: bool
    # Whether the sum of each leaf is differentiated in the second step, too.
    elsewhere: bool


@dataclass(frozen=True)
class Question:
    """One thing to compute; ``ask`` is a verb of ``sandbox.inside.serve``."""

    ask: str
    case: Case
    # Names of the tensor arguments that require grad.
    grad: tuple[str, ...] = ()
    cotangents: tuple[Cotangent, ...] = ()
    # Memory layout per tensor argument name.
    layouts: Mapping[str, str] = field(default_factory=dict)
    # The same per name as ``Cotangent.order``.
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    # The operation (of ``sandbox.inside.layout``) whose result the argument is, rather than a leaf.
    inner: str | None = None
    # Whether leaves are parameters of a module.
    parameter: bool = False
    # Whether the parameters of the layers do not require grad.
    frozen: bool = False
    no_grad: bool = False
    # Whether it is called under ``inference_mode``.
    inference: bool = False
    # The dtype that it is called under ``torch.autocast`` to; its result comes back as float32.
    autocast: str | None = None
    # Whether backward makes a graph of the gradient.
    create_graph: bool = False
    # Whether what the call may have changed comes back: its tensors, settings, a random number.
    kept: bool = False
    # Whether ones are in the ``.grad`` of all leaves beforehand; looked at where it is ``kept``.
    had_gradient: bool = False
    # Whether the graph behind the result is described.
    graph: bool = False
    # Whether it is looked for what the call leaves on its arguments and in other generators.
    watched: bool = False
    # Names of arguments that are the very objects of the first call of the same sequence.
    shared: tuple[str, ...] = ()
    # The argument that is the result of the call before it, and what that is multiplied by.
    fed: tuple[str, float] | None = None
    training: Training | None = None
    # Seed of the candidate's generators just before the call.
    seed: int = 0
    # Whether arguments that have a default are handed over by name.
    keywords: bool = False
    # How often to make the call, for the verbs that do so.
    count: int = 1
    # Which tensor to overwrite.
    overwrite: str | None = None
    # What is done to a module before it is called (see ``sandbox.inside.modules``).
    manner: str | None = None
    # How its parameters get the values of the next call, for the verb that changes them.
    change: str | None = None
    # Where autograd is to be away, for the verb that takes it away.
    unaided: Mapping[str, float | bool] | None = None
    # The order of calls and their backwards; see ``ask_interleaved`` of ``sandbox.inside.serve``.
    schedule: tuple[int, ...] = ()
    # Further calls of the same sequence.
    others: tuple[Question, ...] = ()

    @property
    def calls(self) -> tuple[Question, ...]:
        """Every call of the sequence, in order; itself alone where there is none."""
        return self.others if self.ask == "in_turn" else (self, *self.others)

    def layout_of(self, name: str) -> tuple[str | None, tuple[int, ...]]:
        """The layout of an argument, and its order; a module's parameters have none."""
        if name in self.case.entry.parameters:
            return None, ()
        return self.layouts.get(name), self.orders.get(name, ())

    def inner_of(self, name: str) -> str | None:
        """The operation whose result an argument is; a module's parameters are leaves."""
        return None if name in self.case.entry.parameters else self.inner

    @property
    def factor(self) -> float:
        """What backwards are multiplied by where autograd is away."""
        return float(self.unaided["factor"]) if self.unaided else 1.0

    @cached_property
    def encoded(self) -> EncodedQuestion:
        """Itself, ready to be sent."""
        builder = MessageBuilder()
        call = json.dumps(builder.call(self), separators=(",", ":")).encode()
        metas = [wire.described(tensor) for tensor in builder.tensors]
        listed = json.dumps(metas, separators=(",", ":"))[1:-1].encode()
        return EncodedQuestion(call, listed, len(metas), wire.packed(builder.tensors))


@dataclass(frozen=True)
class Answer:
    """What the candidate computed, or the error it raised."""

    # See the verbs in ``sandbox.inside.serve``.
    parts: Mapping[Part, torch.Tensor]
    # What it said about itself.
    facts: Mapping[str, Any]
    # ``{"type", "message", "line"}`` where the call raised.
    error: Mapping[str, Any] | None = None

    def error_text(self) -> str:
        """The error in one line."""
        assert self.error is not None
        text = f"{str(self.error.get('type'))[:80]}: {self.error.get('message')}"
        return text.replace("\n", " ")[:MOST_CHARACTERS]

    def told_error(self) -> str:
        """The error as what the call did."""
        if self.fault is Fault.WRONG_PARAMETERS:
            assert self.error is not None
            return str(self.error.get("message")).replace("\n", " ")[:MOST_CHARACTERS]
        return f"the call raised {self.error_text()}"

    def number(self, name: str) -> float:
        """What it said about itself under ``name``, a key of ``NUMBERS``; within its bounds.

        Raises ``CandidateFault`` where it said nothing.
        """
        if name not in self.facts:
            raise CandidateFault(f"the process sent no {name}")
        return float(self.facts[name])

    @property
    def fault(self) -> Fault:
        """What the error it raised amounts to."""
        if self.error is not None and self.error.get("type") == ParameterError.__name__:
            return Fault.WRONG_PARAMETERS
        known = torch_error.recognise(self.error_text())
        return Fault.RAISED if known is None else known.fault

    @property
    def line(self) -> int | None:
        """Line of the candidate's code that the error points to."""
        line = self.error.get("line") if self.error is not None else None
        # Exactly an int: True is one, too, to ``isinstance``.
        return line if type(line) is int and line > 0 else None


class MessageBuilder:
    """Questions on their way into one message: tensors are listed once."""

    def __init__(self) -> None:
        self.tensors: list[torch.Tensor] = []
        self._index: dict[int, int] = {}

    def add(self, tensor: torch.Tensor) -> int:
        """Index of ``tensor`` in the message."""
        if id(tensor) not in self._index:
            self._index[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
        return self._index[id(tensor)]

    def call(self, question: Question) -> dict[str, object]:
        """The question as the candidate's side reads it."""
        tensors = question.case.tensors.values()
        return {
            "fn": question.case.entry.name,
            "module": question.case.entry.module
            and {
                "dtype": wire.NAMES[next(iter(tensors)).dtype],
                "manner": question.manner,
                "change": question.change,
                "initial": dict(question.case.entry.module.initial),
                "frozen": question.case.entry.module.frozen,
            },
            "ask": question.ask,
            "args": self._arguments(question),
            "cotangents": [
                {"t": self.add(c.value), "layout": c.layout, "order": c.order}
                for c in question.cotangents
            ],
            "no_grad": question.no_grad,
            "inference": question.inference,
            "autocast": question.autocast,
            "create_graph": question.create_graph,
            "kept": question.kept,
            "had_gradient": question.had_gradient,
            "graph": question.graph,
            "watched": question.watched,
            "training": None if question.training is None else asdict(question.training),
            "seed": question.seed,
            "count": question.count,
            "overwrite": question.overwrite,
            "unaided": question.unaided and dict(question.unaided),
            "schedule": question.schedule,
            "others": [self.call(other) for other in question.others],
        }

    def _arguments(self, question: Question) -> list[dict[str, object]]:
        arguments: list[dict[str, object]] = []
        fed, factor = question.fed or (None, None)
        by_name = question.case.by_name(defaults=question.keywords)
        for index, value in enumerate(question.case.values):
            argument = question.case.entry.arguments[index]
            name = argument.name
            shared = name in question.shared
            given = name if name in by_name else None
            part = question.case.entry.part(name)
            if part == "parameter":
                given = name
            layout, order = question.layout_of(name)
            before = len(arguments)
            match value:
                case torch.Tensor():
                    arguments.append(
                        {
                            "t": self.add(value),
                            "grad": name in question.grad,
                            "inner": question.inner_of(name),
                            "parameter": question.parameter,
                            "trained": isinstance(argument, TensorArgument)
                            and argument.differentiable
                            and question.case.entry.differentiable,
                            "layout": layout,
                            "order": order,
                            "name": given,
                            # Whether other values than these may not be allowed.
                            "exact": not isinstance(argument, TensorArgument)
                            or bool(argument.only),
                            "fed": factor if name == fed else None,
                        }
                    )
                case Stack():
                    arguments.append(
                        {
                            "layers": list(value.names),
                            "width": value.width,
                            "frozen": question.frozen,
                            "dtype": wire.NAMES[value.dtype],
                            "tensors": [self.add(p) for p in value.parameters],
                        }
                    )
                case Log():
                    arguments.append({"log": True, "name": given})
                case PlainValue():
                    arguments.append({"plain": plain.encode(value.value), "name": given})
                case LeftOut():
                    arguments.append({"left_out": True})
                case _:
                    arguments.append({"value": value, "name": given})
            for spec in arguments[before:]:
                spec |= {"shared": shared} | ({} if part == "call" else {"part": part})
        return arguments


@dataclass(frozen=True)
class EncodedQuestion:
    """A question as it travels; made once, however often it is asked."""

    # The call, and its tensors as ``[dtype, shape]`` without the brackets around them.
    call: bytes
    metas: bytes
    # How many tensors these are, and their elements.
    count: int
    body: bytes


def _frame(questions: Sequence[Question]) -> bytes:
    encoded = [question.encoded for question in questions]
    head = b'{"do":"ask","calls":[%s],"counts":%s,"tensors":[%s]}' % (
        b",".join(one.call for one in encoded),
        json.dumps([one.count for one in encoded]).encode(),
        b",".join(one.metas for one in encoded if one.count),
    )
    return wire.frame(head, b"".join(one.body for one in encoded))


def put(
    session: Session,
    questions: Sequence[Question],
    *,
    shuffle: random.Random | None = None,
    first: int | None = None,
) -> list[Answer]:
    """Answers in the order of ``questions``; ``shuffle`` decides the order they are asked in.

    ``first`` is the place of the one to begin with.
    Raises ``CandidateFault`` where the process ends, hangs or sends nonsense.
    """
    order = list(range(len(questions)))
    if shuffle is not None:
        shuffle.shuffle(order)
    if first is not None:
        order.remove(first)
        order.insert(0, first)
    parts = [order[:1], order[1:3], order[3:]] if shuffle is not None else [order]
    chunks = [c[i : i + CHUNK] for c in parts for i in range(0, len(c), CHUNK)]
    frames = (_frame([questions[index] for index in chunk]) for chunk in chunks)
    answers: dict[int, Answer] = {}
    for chunk, (reply, tensors) in zip(chunks, session.exchange(frames), strict=True):
        answers |= zip(chunk, _answers(reply, tensors, len(chunk)), strict=True)
    return [answers[index] for index in range(len(questions))]


# What a call may say of itself in numbers: type, least and largest value.
NUMBERS: Mapping[str, tuple[type, float, float]] = {
    "wall_s": (float, 0.0, 86_400.0),
    "alive": (int, 0, 1 << 30),
    "grown": (int, -(1 << 30), 1 << 30),
    "kept_bytes": (int, -(1 << 50), 1 << 50),
}


def _check_numbers(facts: Mapping[str, Any]) -> None:
    """Raise ``CandidateFault`` for a number that no honest process sends."""
    for name, (kind, least, largest) in NUMBERS.items():
        # Exactly the type: True is an int, too, to ``isinstance``.
        if name in facts and not (type(facts[name]) is kind and least <= facts[name] <= largest):
            raise CandidateFault(
                f"the process sent {name} = {str(facts[name])[:40]}, expected "
                f"{kind.__name__} from {least:g} to {largest:g}"
            )


def _answers(reply: Mapping[str, Any], tensors: Sequence[torch.Tensor], count: int) -> list[Answer]:
    entries = reply.get("answers")
    if not isinstance(entries, list) or len(entries) != count:
        raise CandidateFault("the process sent another number of answers than it was asked")
    answers = []
    rest = iter(tensors)
    for entry in entries:
        if not isinstance(entry, dict):
            raise CandidateFault("the process sent an answer that is not an object")
        error = entry.get("error")
        if error is not None and not isinstance(error, dict):
            raise CandidateFault("the process sent an error that is not an object")
        _check_numbers(entry)
        names = entry.get("parts", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CandidateFault("the process sent parts without names")
        parts: dict[Part, torch.Tensor] = {}
        for name in names:
            named, tensor = part.parse(name), next(rest, None)
            if named is None:
                raise CandidateFault("the process sent a part with a name that no answer has")
            if tensor is None:
                raise CandidateFault("the process sent fewer tensors than it named")
            parts[named] = tensor
        answers.append(Answer(parts, entry, error))
    return answers
