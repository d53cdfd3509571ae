"""Red flags that show in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.code import FunctionClass, Lines, Method, Source
from harness.code.names import last
from harness.code.nodes import Def, every, walk
from harness.flags.kind import Kinds, ctx_name, differentiable_inputs, parameter_kinds
from harness.flags.sharing import Write, writes
from harness.flags.vocabulary import OPAQUE, OPAQUE_METHODS, TRANSPARENT
from harness.model import Scenario


@dataclass(frozen=True)
class Sign:
    """A red flag and the lines of the submission's text that show it."""

    flag: str
    message: str
    line: int
    # The last line to quote; the first where they are one.
    end: int = 0


def code_signs(source: Source, scenario: Scenario) -> Iterator[Sign]:
    """Every red flag that the code alone shows."""
    for function in source.functions:
        kinds = parameter_kinds(function, source, scenario)
        yield from _inplace(function, source, scenario, kinds)
        yield from _gradient_count(function)
        yield from _unsaved_tensors(function, source, scenario, kinds)
        yield from _needs_input_grad(function, source, scenario)
        yield from _saved_in_forward(function, source)
    yield from _data_attribute(source)
    yield from _needless(source, scenario)
    yield from _swallowed_failure(source, scenario)
    yield from _used_first(source)


# --------------------------------------------------------------------------
# 3 and 10


def _inplace(
    function: FunctionClass, source: Source, scenario: Scenario, kinds: dict[str, bool | None]
) -> Iterator[Sign]:
    forward, backward = function.forward, function.backward
    if forward is not None:
        owned = {name: "input" for name in function.inputs or () if kinds.get(name) is not False}
        dirty = _marked_dirty(function) if _allows_declared(scenario) else frozenset()
        for write in writes(forward.node, owned, source, kinds):
            if write.name not in dirty:
                yield Sign("inplace", f"forward changes its input {write.name}", write.line)
    if backward is not None:
        gradients = backward.parameters[1:]
        if backward.node.args.vararg is not None:
            gradients = (*gradients, backward.node.args.vararg.arg)
        owned = dict.fromkeys(gradients, "gradient")
        for write in writes(backward.node, owned, source, dict.fromkeys(gradients, True)):
            yield Sign("inplace", f"backward changes {_what(write)}", write.line)
            if write.owner == "saved":
                yield Sign("saved-modified", f"backward changes {_what(write)}", write.line)


def _what(write: Write) -> str:
    kind = "the saved tensor" if write.owner == "saved" else "the incoming gradient"
    return f"{kind} {write.name}"


def _marked_dirty(function: FunctionClass) -> frozenset[str]:
    found: set[str] = set()
    for method in (function.forward, function.setup_context):
        for call in _calls(method, "mark_dirty"):
            found |= {a.id for a in call.args if isinstance(a, ast.Name)}
    return frozenset(found)


def _allows_declared(scenario: Scenario) -> bool:
    return any(
        spec.kind == "no_mutation" and spec.options.get("input") == "declared"
        for spec in scenario.checks
    )


def _calls(method: Method | None, name: str) -> Iterator[ast.Call]:
    if method is not None:
        for node in walk(method.node):
            if isinstance(node, ast.Call) and last(node.func) == name:
                yield node


# --------------------------------------------------------------------------
# 4


def _gradient_count(function: FunctionClass) -> Iterator[Sign]:
    if function.inputs is None or function.forward is None:
        return
    wanted = len(function.inputs)
    for given in function.returns:
        values = given.values
        if values is None:
            continue
        # The engine drops a surplus of None, so that is no fault.
        surplus = values[wanted:]
        if len(values) < wanted or not all(_is_none(v) for v in surplus):
            yield Sign(
                "gradient-count",
                f"backward of {function.name} returns {len(values)} for {wanted} "
                f"input{'s' if wanted != 1 else ''} of forward",
                given.line,
            )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


# --------------------------------------------------------------------------
# 5 and 9


def _unsaved_tensors(
    function: FunctionClass, source: Source, scenario: Scenario, parameters: dict[str, bool | None]
) -> Iterator[Sign]:
    for method in (function.forward, function.setup_context):
        if method is None:
            continue
        kinds = Kinds(source, scenario, dict(parameters))
        if method is function.setup_context:
            _learn_setup(method, function, kinds)
            kinds.learn(method.node, frozenset(method.parameters[1:2]))
        else:
            kinds.learn(method.node)
        ctx = ctx_name(method.node)
        for node in walk(method.node):
            if isinstance(node, ast.Assign):
                # One of its targets is enough: they stand on one line.
                kept = next((target for target in node.targets if _is_on(target, ctx)), None)
                if kept is not None and kinds.of(node.value):
                    yield Sign(
                        "unsaved-tensors",
                        f"keeps the tensor {ast.unparse(node.value)} as {ctx}."
                        f"{last(kept)}; tensors go through save_for_backward",
                        source.line(node),
                    )
        for call in _calls(method, "save_for_backward"):
            for given in call.args:
                if kinds.of(given) is False and not _is_none(given):
                    yield Sign(
                        "unsaved-tensors",
                        f"hands {ast.unparse(given)}, which is no tensor, to save_for_backward",
                        source.line(call),
                    )


def _learn_setup(method: Method, function: FunctionClass, kinds: Kinds) -> None:
    """In ``setup_context(ctx, inputs, output)`` both come from forward."""
    for name in method.parameters[1:3]:
        kinds.known[name] = None
    if len(method.parameters) > 2:
        kinds.known[method.parameters[2]] = True
    given = kinds.known.copy()
    for node in walk(method.node):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and node.value.id in method.parameters[1:2]
            and isinstance(node.targets[0], ast.Tuple)
        ):
            for target, name in zip(node.targets[0].elts, function.inputs or (), strict=False):
                if isinstance(target, ast.Name):
                    kinds.known[target.id] = given.get(name)


def _is_on(target: ast.expr, ctx: str) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == ctx
    )


def _saved_in_forward(function: FunctionClass, source: Source) -> Iterator[Sign]:
    for method in (function.forward, function.setup_context):
        if method is None or (method is function.forward and function.setup_context):
            continue
        ctx = ctx_name(method.node)
        for node in walk(method.node):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in {"saved_tensors", "saved_variables"}
                and _is_on(node, ctx)
            ):
                yield Sign(
                    "saved-in-forward",
                    f"{method.name} reads {node.attr}, which is empty until backward",
                    source.line(node),
                )


# --------------------------------------------------------------------------
# 7 and 8


def _needs_input_grad(
    function: FunctionClass, source: Source, scenario: Scenario
) -> Iterator[Sign]:
    backward = function.backward
    wanted = differentiable_inputs(function, source, scenario)
    if backward is None or function.inputs is None or wanted is None or len(wanted) < 2:
        return
    nodes = walk(backward.node)
    if any(isinstance(n, ast.Attribute) and n.attr == "needs_input_grad" for n in nodes):
        return
    ctx = ctx_name(backward.node)
    if any(
        isinstance(n, ast.Call) and any(isinstance(a, ast.Name) and a.id == ctx for a in n.args)
        for n in nodes
    ):
        # A helper that is handed ctx may ask for it.
        return
    for given in function.returns:
        real = [v for v in given.values or () if not _is_none(v)]
        if len(real) >= 2:
            yield Sign(
                "needs-input-grad",
                f"backward of {function.name} computes {len(real)} gradients and never asks "
                "which are needed",
                given.line,
            )
            return


def _data_attribute(source: Source) -> Iterator[Sign]:
    modules = {name for name, dotted in source.aliases.items() if name.isidentifier() and dotted}
    for node in every(source.tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "data"):
            continue
        root: ast.expr = node.value
        if isinstance(root, ast.Name) and root.id in {"self", "cls", "ctx"} | modules:
            continue
        dotted = (source.resolve(node) or "").split(".")[0]
        if dotted in {"torch", "numpy", "physics", "kernel"} and isinstance(root, ast.Attribute):
            continue
        line = source.line(node)
        if not source.in_test(line):
            yield Sign(
                "data-attribute",
                f"{ast.unparse(node)} goes round autograd and its version check",
                line,
            )


# --------------------------------------------------------------------------
# 2, 11 and 12


def _needless(source: Source, scenario: Scenario) -> Iterator[Sign]:
    if scenario.asks_for_function or scenario.provided or scenario.gradcheck_fails_by_design:
        return
    for function in source.functions:
        forward = function.forward
        if forward is None or function.backward is None or function.inputs is None:
            continue
        if all(_is_standard(n, source, function) for n in walk(forward.node)):
            yield Sign(
                "needless-function",
                f"{function.name} is made of operations that autograd differentiates by itself, "
                "and nothing asked for a Function",
                function.line,
            )


def _is_standard(node: ast.AST, source: Source, function: FunctionClass) -> bool:
    """Whether autograd can see through a node of a forward."""
    if not isinstance(node, ast.Call):
        return True
    dotted = source.resolve(node.func) or ""
    root = dotted.split(".")[0]
    if root in TRANSPARENT:
        return not dotted.startswith(OPAQUE)
    # A method of a tensor, not of something imported or handed in.
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr not in OPAQUE_METHODS
        and root not in source.aliases
    )


def _swallowed_failure(source: Source, scenario: Scenario) -> Iterator[Sign]:
    if scenario.gradcheck_fails_by_design:
        return
    caught = {id(c) for n in every(source.tree) if isinstance(n, ast.With) for c in walk(n)}
    tries = [node for node in every(source.tree) if isinstance(node, ast.Try)]
    for call in source.gradchecks:
        if call.swallowed and call.name == "gradcheck" and call.functions != frozenset():
            node = _try_around(source, tries, call.line)
            if node is not None and id(node) not in caught:
                end = (node.end_lineno or node.lineno) + source.offset
                yield Sign(
                    "failure-explained-away",
                    "a failing gradcheck is caught and the script goes on",
                    source.line(node),
                    end,
                )


def _try_around(source: Source, tries: Sequence[ast.Try], line: int) -> ast.Try | None:
    inner = [
        node
        for node in tries
        if source.line(node) <= line <= (node.end_lineno or node.lineno) + source.offset
    ]
    return inner[-1] if inner else None


def _used_first(source: Source) -> Iterator[Sign]:
    """Training in the script itself, before its first gradcheck or without one."""
    first = min((c.line for c in source.gradchecks if c.name == "gradcheck"), default=None)
    reachable = Lines(_script(source))
    for node in every(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "step"
            and not node.args
            and last(node.func.value).lower().startswith(("opt", "sgd", "adam"))
        ):
            line = source.line(node)
            if line in reachable and (first is None or line < first):
                yield Sign(
                    "used-before-gradcheck",
                    "trains with the Function before any gradcheck",
                    line,
                )
                return


def _script(source: Source) -> list[range]:
    """Lines that run when the file is run: its top level and the main guard's functions."""
    spans = list(source.main_lines)
    for name in source.called_from_main:
        node = source.defs.get(name)
        if node is not None:
            spans.append(_span(source, node))
    spans += [
        _span(source, statement)
        for statement in source.tree.body
        if not isinstance(statement, Def | ast.ClassDef)
    ]
    return spans


def _span(source: Source, node: ast.stmt) -> range:
    return range(source.line(node), (node.end_lineno or node.lineno) + source.offset + 1)
