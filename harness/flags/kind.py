"""Which expressions of a Function are tensors; what nothing tells is left open."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.code import FunctionClass, Source, own_nodes
from harness.code.names import last
from harness.code.nodes import Def, walk
from harness.flags.vocabulary import NOT_TENSORS, PLAIN, SCALARS, TENSOR_METHODS
from harness.model import TENSORS, EntryPoint, LayersArgument, Scenario, TensorArgument


def ctx_name(node: Def) -> str:
    """What the method calls its ``ctx``."""
    arguments = (*node.args.posonlyargs, *node.args.args)
    return arguments[0].arg if arguments else ""


def parameter_kinds(
    function: FunctionClass, source: Source, scenario: Scenario
) -> dict[str, bool | None]:
    """For each input of forward: tensor, not a tensor, or ``None`` where nothing tells."""
    inputs = function.inputs or ()
    forward = function.forward
    if forward is None:
        return {}
    by_name = {
        argument.name: isinstance(argument, TENSORS)
        for entry in scenario.entry_points
        for argument in entry.arguments
        if not isinstance(argument, LayersArgument)
    }
    kinds: dict[str, bool | None] = {}
    bindings = _bindings(function.name, source, scenario)
    handed = {place: isinstance(argument, TENSORS) for place, argument in bindings}
    used = _used_as_tensors(forward.node, source)
    annotated = {
        a.arg: a.annotation for a in (*forward.node.args.posonlyargs, *forward.node.args.args)
    }
    for position, name in enumerate(inputs):
        kinds[name] = handed.get(position, by_name.get(name))
        note = annotated.get(name)
        if note is not None:
            word = (source.resolve(note) or ast.unparse(note)).split(".")[-1]
            if word == "Tensor" or word in SCALARS:
                kinds[name] = word == "Tensor"
        if kinds[name] is None and name in used:
            kinds[name] = True
    return kinds


def differentiable_inputs(
    function: FunctionClass, source: Source, scenario: Scenario
) -> frozenset[str] | None:
    """Inputs that the contract asks gradients for; ``None`` where it cannot be told."""
    inputs = function.inputs
    if inputs is None:
        return None
    return (
        frozenset(
            inputs[position]
            for position, argument in _bindings(function.name, source, scenario)
            if isinstance(argument, TensorArgument)
            and argument.differentiable
            and position < len(inputs)
        )
        or None
    )


def _bindings(name: str, source: Source, scenario: Scenario) -> Iterator[tuple[int, object]]:
    """Which argument of an entry point arrives at which position of the Function."""
    for entry in scenario.entry_points:
        if entry.module is not None:
            yield from _bindings_of_module(name, source, entry)
            continue
        node = source.defs.get(entry.name)
        if node is None:
            if name in source.applies.get(entry.name, ()):
                yield from enumerate(entry.arguments)
            continue
        parameters = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        arguments = dict(zip(parameters, entry.arguments, strict=False))
        for position, given in _applied_to(node, name):
            if isinstance(given, ast.Name) and given.id in arguments:
                yield position, arguments[given.id]


def _bindings_of_module(
    name: str, source: Source, entry: EntryPoint
) -> Iterator[tuple[int, object]]:
    """The same of what a module applies to its parameters and to what it is called with."""
    called = [a for a in entry.arguments if entry.part(a.name) == "call"]
    # A parameter of a module inside is known there by the last part of its name.
    own = {a.name.split(".")[-1]: a for a in entry.arguments if a.name in entry.kept}
    for kind in walk(source.tree):
        if not isinstance(kind, ast.ClassDef) or kind.name != entry.name:
            continue
        for method in kind.body:
            if not isinstance(method, ast.FunctionDef):
                continue
            first, *names = [a.arg for a in (*method.args.posonlyargs, *method.args.args)] or [""]
            given = dict(zip(names, called, strict=False)) if method.name == "forward" else {}
            for position, one in _applied_to(method, name):
                match one:
                    case ast.Name(id=key) if key in given:
                        yield position, given[key]
                    case ast.Attribute(value=ast.Name(id=of), attr=key) if of == first:
                        if key in own:
                            yield position, own[key]


def _applied_to(node: ast.AST, name: str) -> Iterator[tuple[int, ast.expr]]:
    """What a Function is applied to there, by position."""
    for call in walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "apply"
            and last(call.func.value) == name
        ):
            yield from enumerate(call.args)


def _used_as_tensors(node: Def, source: Source) -> frozenset[str]:
    """Names that are saved for backward, matrix-multiplied or handed to torch."""
    found: set[str] = set()
    for inner in own_nodes(node):
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult):
            found |= {n.id for n in (inner.left, inner.right) if isinstance(n, ast.Name)}
        if isinstance(inner, ast.Call):
            name = source.resolve(inner.func) or ""
            if name.startswith("torch.") and inner.args and isinstance(inner.args[0], ast.Name):
                found.add(inner.args[0].id)
            method = inner.func
            if (
                isinstance(method, ast.Attribute)
                and isinstance(method.value, ast.Name)
                and method.attr in TENSOR_METHODS
            ):
                found.add(method.value.id)
    return frozenset(found)


@dataclass
class Kinds:
    """What the expressions of one function body are."""

    source: Source
    scenario: Scenario
    known: dict[str, bool | None] = field(default_factory=dict)

    def learn(self, node: Def, settled: frozenset[str] = frozenset()) -> None:
        """Take in the assignments of a function, in order, but those from ``settled`` names."""
        for inner in own_nodes(node):
            if isinstance(inner, ast.Assign) and last(inner.value) not in settled:
                kind = self.of(inner.value)
                for target in inner.targets:
                    names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                    for name in names:
                        if isinstance(name, ast.Name):
                            self.known[name.id] = kind

    def of(self, node: ast.expr | None) -> bool | None:
        """True for a tensor (or a container of them), False for plain values, else ``None``."""
        match node:
            case ast.Name(id=name):
                return self.known.get(name)
            case ast.Constant() | ast.Lambda() | ast.JoinedStr():
                return False
            case ast.BinOp(left=left, right=right):
                return self._any(left, right)
            case ast.Compare(left=left, comparators=rest):
                return self._any(left, *rest)
            case ast.UnaryOp(op=op, operand=operand):
                return False if isinstance(op, ast.Not) else self.of(operand)
            case ast.IfExp(body=body, orelse=orelse):
                return self.of(body) if self.of(body) == self.of(orelse) else None
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return self._any(*items) if items else False
            case ast.Subscript(value=value):
                return self.of(value)
            case ast.Attribute(value=value, attr=attr):
                dotted = self.source.resolve(node) or ""
                if dotted.startswith("torch."):
                    return False
                return False if attr in PLAIN else self.of(value)
            case ast.Call(func=func):
                return self._call(func)
        return None

    def _any(self, *nodes: ast.expr) -> bool | None:
        kinds = [self.of(node) for node in nodes]
        if True in kinds:
            return True
        return None if None in kinds else False

    def _call(self, func: ast.expr) -> bool | None:
        dotted = self.source.resolve(func) or ""
        root, _, rest = dotted.partition(".")
        if root == "torch" and rest:
            module = rest.startswith("nn.") and not rest.startswith(("nn.functional.", "nn.grad."))
            return None if module or rest.startswith(tuple(NOT_TENSORS)) else True
        if root in self.scenario.provided:
            return True
        if dotted in {"int", "float", "bool", "str", "len", "tuple", "max", "min", "round"}:
            return False
        if isinstance(func, ast.Attribute):
            if func.attr in PLAIN:
                return False
            return True if self.of(func.value) else None
        return None
