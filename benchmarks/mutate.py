"""Mutants of right solutions: one small fault each, in the code that the entry points use.

Syntactic operators change one expression; semantic ones wrap a Function's forward or
backward with one bad habit. The file's own tests are dropped: grading does not read them.
"""

# Formulas and programs stand on one line each.
# ruff: noqa: E501

from __future__ import annotations

import ast
import copy
import difflib
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

# Functions by which a formula is easily got wrong, each with what it is confused with.
CONFUSED = {
    "tanh": ("sigmoid", "sin"),
    "sigmoid": ("tanh",),
    "exp": ("expm1",),
    "expm1": ("exp",),
    "softplus": ("relu", "elu"),
    "rsqrt": ("sqrt", "reciprocal"),
    "square": ("abs",),
    "mean": ("sum", "amax"),
    "sum": ("mean", "amax", "prod"),
    "std": ("var",),
    "sin": ("tanh",),
    "cos": ("sin",),
    "t": ("contiguous",),
    "contiguous": ("abs",),
    "ones_like": ("zeros_like",),
    "chunk": ("split",),
}


@dataclass(frozen=True)
class Mutant:
    """A right solution with one fault."""

    scenario: str
    # Name of the operator that made it.
    operator: str
    # The class or function that was changed.
    where: str
    source: str
    # Entry points that reach what was changed.
    entry_points: tuple[str, ...]
    # Unified diff against the solution it was made from.
    diff: str


@dataclass(frozen=True)
class Original:
    """A right solution, reduced to what its entry points use."""

    scenario: str
    tree: ast.Module
    # Positions in ``tree.body`` of what may be mutated.
    used: tuple[int, ...]
    entry_points: tuple[str, ...]

    @property
    def source(self) -> str:
        return ast.unparse(self.tree) + "\n"


def original(scenario: str, code: str, entry_points: Sequence[str]) -> Original:
    """Strip ``code`` to its imports and what ``entry_points`` reach."""
    tree = ast.parse(code)
    reached = _reached(tree, entry_points)
    body: list[ast.stmt] = []
    used = []
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.If():
                continue  # the docstring, the main guard
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                if name not in reached:
                    continue
                used.append(len(body))
                _drop_docstrings(node)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in reached:
                used.append(len(body))
        body.append(node)
    return Original(scenario, ast.Module(body, []), tuple(used), tuple(entry_points))


def _reached(tree: ast.Module, names: Sequence[str]) -> set[str]:
    """Names of the functions, classes and constants that ``names`` use, with themselves."""
    named: dict[str, ast.stmt] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                named[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                named[name] = node
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in named and name not in reached:
            reached.add(name)
            waiting += [n.id for n in ast.walk(named[name]) if isinstance(n, ast.Name)]
    return reached


def _drop_docstrings(node: ast.AST) -> None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            first = inner.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                inner.body = inner.body[1:] or [ast.Pass()]


def mutants(source: Original) -> list[Mutant]:
    """Every mutant of ``source``, no two with the same text."""
    before = source.source
    seen = {before}
    found = []
    for operator, where, tree in (*_syntactic(source), *_semantic(source)):
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if text in seen:
            continue
        seen.add(text)
        diff = "".join(
            line
            for line in difflib.unified_diff(before.splitlines(True), text.splitlines(True), n=0)
            if not line.startswith(("---", "+++"))
        )
        reaching = tuple(e for e in source.entry_points if where in _reached(source.tree, [e]))
        found.append(Mutant(source.scenario, operator, where, text, reaching, diff))
    return found


def sample(pool: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """``count`` mutants, spread evenly over operators and scenarios."""
    rng = random.Random(seed)
    groups: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in pool:
        groups[mutant.operator, mutant.scenario].append(mutant)
    for group in groups.values():
        rng.shuffle(group)
    keys = sorted(groups)
    rng.shuffle(keys)
    chosen: list[Mutant] = []
    while len(chosen) < min(count, len(pool)):
        for key in keys:
            if groups[key] and len(chosen) < count:
                chosen.append(groups[key].pop())
    return chosen


# --------------------------------------------------------------------------
# Syntactic operators

Change = tuple[str, ast.expr]


def _syntactic(source: Original) -> Iterator[tuple[str, str, ast.Module]]:
    for position in source.used:
        for index, node in enumerate(_sites(source.tree.body[position])):
            for operator, replacement in _changes(node):
                tree = _copied(source.tree, position)
                site = list(_sites(tree.body[position]))[index]
                _replace(tree.body[position], site, replacement)
                yield operator, _name(source.tree.body[position]), tree
    for position in source.used:
        statement = source.tree.body[position]
        for index, function in enumerate(_functions(statement)):
            for operator, statements in _rewrites(function):
                tree = _copied(source.tree, position)
                list(_functions(tree.body[position]))[index].body = statements
                yield operator, _name(statement), tree


def _copied(tree: ast.Module, position: int) -> ast.Module:
    """The module with a copy of its own of one statement."""
    body = [*tree.body]
    body[position] = copy.deepcopy(body[position])
    return ast.Module(body, [])


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return getattr(node, "name", "")


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    return (n for n in ast.walk(node) if isinstance(n, ast.FunctionDef))


def _sites(node: ast.AST, parent: ast.AST | None = None) -> Iterator[ast.expr]:
    """Expressions that compute, in a fixed order; annotations, messages and targets are not."""
    match node:
        case ast.Raise() | ast.JoinedStr() | ast.arguments(kwonlyargs=[_, *_]):
            return
        case ast.FunctionDef():
            for default in node.args.defaults:
                yield from _sites(default, node)
            for statement in node.body:
                yield from _sites(statement, node)
            return
        case ast.ClassDef():
            for statement in node.body:
                yield from _sites(statement, node)
            return
        case ast.Assign():
            yield from _sites(node.value, node)
            return
        case ast.Call():
            yield node
            if isinstance(node.func, ast.Attribute):
                yield from _sites(node.func.value, node)
            for argument in node.args:
                yield from _sites(argument, node)
            for keyword in node.keywords:
                yield from _sites(keyword.value, node)
            return
        case ast.expr():
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _sites(child, node)


class _Replacer(ast.NodeTransformer):
    def __init__(self, site: ast.AST, replacement: ast.expr) -> None:
        self.site, self.replacement = site, replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self.replacement if node is self.site else self.generic_visit(node)


def _replace(root: ast.AST, site: ast.AST, replacement: ast.expr) -> None:
    _Replacer(site, replacement).visit(root)


def _expression(text: str, **parts: ast.expr) -> ast.expr:
    """The expression ``text`` with names replaced by ``parts``."""
    tree = ast.parse(text, mode="eval").body

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(parts[node.id]) if node.id in parts else node

    filled: ast.expr = Fill().visit(tree)
    return filled


def _changes(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from _arithmetic(node, left, op, right)
        case ast.Call():
            yield from _calls(node)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            for other in (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq):
                if not isinstance(op, other) and not isinstance(op, ast.Is | ast.IsNot | ast.In):
                    yield "relational", ast.Compare(left, [other()], [right])
        case ast.Constant(value=bool() as flag):
            yield "flag", ast.Constant(not flag)
        case ast.Constant(value=int() | float() as number):
            for other_number in dict.fromkeys(
                (number + 1, -number, 0 * number, 2 * number, float(f"{number:.4g}"))
            ):
                if other_number != number:
                    yield "constant", ast.Constant(other_number)
            if isinstance(number, float) and number:
                yield "constant-1e-6", ast.Constant(number * (1 + 1e-6))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "needs-input-grad", body
            yield "needs-input-grad", orelse
            yield "needs-input-grad", ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Subscript(
            value=ast.Attribute(attr="needs_input_grad") as flags, slice=ast.Constant(value=int(i))
        ):
            yield "needs-input-grad", _expression(f"flags[{1 - i if i < 2 else 0}]", flags=flags)
            yield "needs-input-grad", _expression("not flag", flag=node)
            yield "needs-input-grad", ast.Constant(True)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "negate", operand
        case ast.Tuple(elts=[first, second, *rest], ctx=ast.Load()):
            yield "swap", ast.Tuple([second, first, *rest], ast.Load())
            for index, item in enumerate(node.elts):
                if not isinstance(item, ast.Constant | ast.Starred):
                    items = [*node.elts]
                    items[index] = ast.Constant(None)
                    yield "none", ast.Tuple(items, ast.Load())


def _arithmetic(
    node: ast.BinOp, left: ast.expr, op: ast.operator, right: ast.expr
) -> Iterator[Change]:
    swaps: dict[type, tuple[type[ast.operator], ...]] = {
        ast.Add: (ast.Sub,),
        ast.Sub: (ast.Add,),
        ast.Mult: (ast.Div, ast.Add),
        ast.Div: (ast.Mult,),
    }
    for other in swaps.get(type(op), ()):
        yield "operator", ast.BinOp(left, other(), right)
    dropped = "drop-term" if isinstance(op, ast.Add | ast.Sub) else "drop-factor"
    yield dropped, left
    yield dropped, right
    if isinstance(op, ast.Sub | ast.Div | ast.MatMult):
        yield "swap", ast.BinOp(right, op, left)
    yield from _values(node)


def _values(node: ast.expr) -> Iterator[Change]:
    """What can be done to any number or tensor."""
    yield "negate", ast.UnaryOp(ast.USub(), node)
    yield "scale-1e-6", _expression("(1 + 1e-06) * e", e=node)
    yield "scale-4e-4", _expression("(1 + 0.0004) * e", e=node)
    yield "float32", _expression("e.float().to(e.dtype)", e=node)
    yield "clamp", _expression("e.clamp(-1.0, 1.0)", e=node)
    yield "detach", _expression("e.detach()", e=node)
    yield "nan-to-num", _expression("e.nan_to_num()", e=node)


def _calls(node: ast.Call) -> Iterator[Change]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for other in CONFUSED.get(name, ()):
        changed = copy.deepcopy(node)
        if isinstance(changed.func, ast.Attribute):
            changed.func.attr = other
            yield "function", changed
    if name in CONFUSED or name in {"where", "clamp", "masked_fill", "step", "step_vjp"}:
        yield from _values(node)
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield "drop-call", node.func.value
    if len(node.args) >= 2:
        changed = copy.deepcopy(node)
        changed.args[0], changed.args[1] = changed.args[1], changed.args[0]
        yield "swap", changed
    for index, keyword in enumerate(node.keywords):
        if keyword.arg in {"dim", "keepdim", "stride", "max", "min"}:
            changed = copy.deepcopy(node)
            del changed.keywords[index]
            yield "dim" if keyword.arg in {"dim", "keepdim"} else "drop-option", changed
        if keyword.arg == "dim":
            changed = copy.deepcopy(node)
            changed.keywords[index].value = ast.Constant(0)
            yield "dim", changed
        if keyword.arg in {"max", "min"}:
            changed = copy.deepcopy(node)
            changed.keywords[index].arg = "min" if keyword.arg == "max" else "max"
            yield "drop-option", changed
    if name == "sum" and not node.args and isinstance(node.func, ast.Attribute):
        yield "reduce", _expression("e.sum(0)", e=node.func.value)
        yield "reduce", _expression("e.reshape(-1)[:1].sum()", e=node.func.value)
    if name in {"mean", "sum"} and isinstance(node.func, ast.Attribute):
        yield "reduce", _expression("e.sum()", e=node.func.value)
        yield "reduce", _expression("e.mean()", e=node.func.value)


def _rewrites(function: ast.FunctionDef) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Changes of whole statements in a function's body."""
    for index, statement in enumerate(function.body):
        rest = [*function.body[:index], *function.body[index + 1 :]]
        if rest and not isinstance(statement, ast.Return):
            yield "drop-statement", rest
        if isinstance(statement, ast.If):
            yield "branch", [*function.body[:index], *statement.body, *function.body[index + 1 :]]


# --------------------------------------------------------------------------
# Semantic operators

# ``F`` is the class; ``g`` the incoming gradient; ``out`` what the right backward returns;
# ``saved`` the saved tensors. Each entry is what backward does instead of ``return out``;
# ``each(f, out)`` applies f to every tensor among the gradients.
BACKWARD: dict[str, str] = {
    "g-abs": "return F._backward(ctx, g.abs())",
    "g-squared": "return F._backward(ctx, g * g)",
    "g-one": "return F._backward(ctx, torch.ones_like(g))",
    "g-clamp": "return F._backward(ctx, g.clamp(-10.0, 10.0))",
    "g-mean": "return F._backward(ctx, g.mean().expand_as(g))",
    "g-positive": "return F._backward(ctx, g.clamp(min=0.0))",
    "g-nan": "return F._backward(ctx, g.nan_to_num())",
    "g-float32": "return F._backward(ctx, g.float().to(g.dtype))",
    "g-small": "return F._backward(ctx, torch.where(g.abs() < 1e-05, 0 * g, g))",
    "g-large": "return F._backward(ctx, torch.where(g.abs() > 100000.0, 0 * g, g))",
    "write-g": "out = F._backward(ctx, g)\ng.mul_(2)\nreturn out",
    "write-g-data": "out = F._backward(ctx, g)\ng.data.zero_()\nreturn out",
    "write-saved": (
        "out = F._backward(ctx, g)\nfor s in ctx.saved_tensors:\n    s.data.mul_(2)\nreturn out"
    ),
    "view": "return F._backward(ctx, g.view(-1).view(g.shape))",
    "dtype": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.01 if t.dtype == torch.float32 else t, out)",
    "large": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.001 if t.numel() > 1000 else t, out)",
    "single": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2 if g.numel() == 1 else t, out)",
    "scalar": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2 if g.dim() == 0 else t, out)",
    "many-dimensions": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2 if t.dim() > 3 else t, out)",
    "double": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.01 if t.dtype == torch.float64 else t, out)",
    "three-dimensions": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2, out) if g.dim() == 3 else out",
    "square": "out = F._backward(ctx, g)\nreturn each(lambda t: t.mT if t.dim() == 2 and t.shape[0] == t.shape[1] else t, out)",
    "one-size": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.01 if t.dim() and t.shape[0] == 19 else t, out)",
    "beyond-a-size": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.01 if t.dim() and t.shape[0] > 24 else t, out)",
    "strided-beyond-two": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2, out) if g.dim() > 2 and not g.is_contiguous() else out",
    "create-graph": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 1.01, out) if torch.is_grad_enabled() else out",
    "strided-g": "out = F._backward(ctx, g)\nreturn out if g.is_contiguous() else each(lambda t: t * 2, out)",
    "offset-g": "out = F._backward(ctx, g)\nreturn out if g.storage_offset() == 0 else each(lambda t: t * 2, out)",
    "expanded-g": "out = F._backward(ctx, g)\nreturn each(lambda t: t * 2, out) if 0 in g.stride() and g.numel() > 1 else out",
    "dense-as-stored": "return F._backward(ctx, g.as_strided(g.shape, torch.empty(g.shape).stride()))",
    "strided-x": "out = F._backward(ctx, g)\nreturn out if all(s.is_contiguous() for s in ctx.saved_tensors) else each(lambda t: t * 2, out)",
    "empty": "if g.numel() == 0:\n    raise ValueError('empty')\nreturn F._backward(ctx, g)",
    "noise": "out = F._backward(ctx, g)\nreturn each(lambda t: t * (1 + 1e-06 * torch.randn_like(t)), out)",
    "draws": "torch.rand(1)\nreturn F._backward(ctx, g)",
    "reseeds": "torch.manual_seed(0)\nreturn F._backward(ctx, g)",
    "every-97th": (
        "F.calls = getattr(F, 'calls', 0) + 1\nout = F._backward(ctx, g)\n"
        "return each(lambda t: t * 1.01, out) if F.calls % 97 == 0 else out"
    ),
    "second-backward": (
        "out = F._backward(ctx, g)\nctx.used = getattr(ctx, 'used', 0) + 1\n"
        "return each(lambda t: t * 2, out) if ctx.used > 1 else out"
    ),
    "accumulates": (
        "out = F._backward(ctx, g)\n"
        "ctx.total = [a if a is None or b is None else a + b for a, b in "
        "zip(out if isinstance(out, tuple) else (out,), getattr(ctx, 'total', None) or "
        "(out if isinstance(out, tuple) else (out,)))]\n"
        "return out if ctx.total[0] is None else tuple(t if t is None else t / 2 for t in ctx.total)"
    ),
    "hoards": "F.kept = getattr(F, 'kept', [])\nF.kept.append(g.clone())\nreturn F._backward(ctx, g)",
    "first-row": "out = F._backward(ctx, g)\nreturn each(lambda t: t[:1].expand_as(t) if t.dim() else t, out)",
    "last-zero": "out = F._backward(ctx, g)\nreturn each(lambda t: torch.cat([t.reshape(-1)[:-1], t.reshape(-1)[-1:] * (t.numel() == 1)]).reshape(t.shape), out)",
    "quantised": "out = F._backward(ctx, g)\nreturn each(lambda t: (t * 1e+06).round() / 1e+06, out)",
    "beyond": "out = F._backward(ctx, g)\nreturn each(lambda t: torch.where(ctx.saved_tensors[0].abs() > BEYOND, 0 * t, t) if ctx.saved_tensors and ctx.saved_tensors[0].shape == t.shape else t, out)",
    "near-zero": "out = F._backward(ctx, g)\nreturn each(lambda t: torch.where(ctx.saved_tensors[0].abs() < 1e-07, 3 * t + 1, t) if ctx.saved_tensors and ctx.saved_tensors[0].shape == t.shape else t, out)",
    "last-gradient-none": "out = F._backward(ctx, g)\nout = list(out) if isinstance(out, tuple) else [out]\nat = [i for i, t in enumerate(out) if t is not None]\nif len(at) > 1:\n    out[at[-1]] = None\nreturn tuple(out)",
    "wide-gradient": "out = F._backward(ctx, g)\nreturn each(lambda t: t.double().to(torch.float32).to(t.dtype), out)",
}

FORWARD: dict[str, str] = {
    "write-x": "out = F._forward(ctx, x, *rest)\nwith torch.no_grad():\n    x.mul_(1.5)\nreturn out",
    "write-x-data": "out = F._forward(ctx, x, *rest)\nx.data.mul_(1.5)\nreturn out",
    "ctx-attribute": (
        "class Bag:\n    needs_input_grad = ctx.needs_input_grad\n"
        "    def save_for_backward(self, *tensors):\n        self.saved_tensors = tensors\n"
        "ctx.bag = Bag()\nreturn F._forward(ctx.bag, x, *rest)"
    ),
    "class-state": (
        "class Bag:\n    needs_input_grad = ctx.needs_input_grad\n"
        "    def save_for_backward(self, *tensors):\n        self.saved_tensors = tensors\n"
        "F.bag = Bag()\nreturn F._forward(F.bag, x, *rest)"
    ),
    "clone-saved": "return F._forward(ctx, x.clone(), *rest)",
    "detach-saved": "return F._forward(ctx, x.detach(), *rest)",
    "cycle": "out = F._forward(ctx, x, *rest)\nctx.cycle = out\nreturn out",
    "hoards-x": "F.kept = getattr(F, 'kept', [])\nF.kept.append(x)\nreturn F._forward(ctx, x, *rest)",
    "reused-buffer": (
        "out = F._forward(ctx, x, *rest)\nF.buffer = getattr(F, 'buffer', {})\n"
        "key = (out.shape, out.dtype)\nif key not in F.buffer:\n    F.buffer[key] = out.detach().clone()\n"
        "F.buffer[key].data.copy_(out)\nreturn F.buffer[key].detach()"
    ),
    "cached-output": (
        "F.cache = getattr(F, 'cache', {})\nkey = (x.shape, x.dtype, float(x.detach().sum()))\n"
        "if key not in F.cache:\n    F.cache[key] = F._forward(ctx, x, *rest)\nelse:\n"
        "    F._forward(ctx, x, *rest)\nreturn F.cache[key].detach()"
    ),
    "forward-noise": "out = F._forward(ctx, x, *rest)\nreturn out + 1e-06 * torch.randn_like(out)",
    "forward-draws": "torch.rand(1)\nreturn F._forward(ctx, x, *rest)",
    "forward-reseeds": "torch.manual_seed(0)\nreturn F._forward(ctx, x, *rest)",
    "forward-float32": "out = F._forward(ctx, x, *rest)\nreturn out.float().to(out.dtype)",
    "forward-float64": "return F._forward(ctx, x, *rest).double()",
    "forward-dtype": "out = F._forward(ctx, x, *rest)\nreturn out * 1.01 if out.dtype == torch.float32 else out",
    "forward-large": "out = F._forward(ctx, x, *rest)\nreturn out * 1.001 if out.numel() > 1000 else out",
    "forward-strided": "out = F._forward(ctx, x, *rest)\nreturn out if x.is_contiguous() else out * 2",
    "forward-offset": "out = F._forward(ctx, x, *rest)\nreturn out if x.storage_offset() == 0 else out * 2",
    "forward-dense-as-stored": "return F._forward(ctx, x.as_strided(x.shape, torch.empty(x.shape).stride()), *rest)",
    "forward-view": "return F._forward(ctx, x.view(-1).view(x.shape), *rest)",
    "forward-empty": "if x.numel() == 0:\n    raise ValueError('empty')\nreturn F._forward(ctx, x, *rest)",
    "forward-single": "out = F._forward(ctx, x, *rest)\nreturn out * 2 if out.numel() == 1 else out",
    "forward-scalar": "out = F._forward(ctx, x, *rest)\nreturn out * 2 if x.dim() == 0 else out",
    "forward-beyond": "out = F._forward(ctx, x, *rest)\nreturn torch.where(x.abs() > BEYOND, 0 * out, out) if out.shape == x.shape else out",
    "forward-every-97th": (
        "F.calls = getattr(F, 'calls', 0) + 1\nout = F._forward(ctx, x, *rest)\n"
        "return out * 1.01 if F.calls % 97 == 0 else out"
    ),
    "forward-three-dimensions": "out = F._forward(ctx, x, *rest)\nreturn out * 1.01 if x.dim() == 3 else out",
    "forward-one-size": "out = F._forward(ctx, x, *rest)\nreturn out * 1.01 if x.dim() and x.shape[0] == 19 else out",
    "inference-mode": "out = F._forward(ctx, x, *rest)\nreturn out * 1.01 if torch.is_inference_mode_enabled() else out",
    "second-call": (
        "out = F._forward(ctx, x, *rest)\nseen = getattr(x, 'seen', False)\nx.seen = True\n"
        "return out * 1.01 if seen else out"
    ),
    "gradient-there": "out = F._forward(ctx, x, *rest)\nreturn out * 1.01 if x.is_leaf and x.grad is not None else out",
    "through-backward": (
        "if x.is_leaf and x.requires_grad:\n"
        "    x.register_post_accumulate_grad_hook(lambda leaf: (leaf.grad.mul_(1.01), None)[1])\n"
        "return F._forward(ctx, x, *rest)"
    ),
    "forward-no-grad": "out = F._forward(ctx, x, *rest)\nreturn out if any(ctx.needs_input_grad) else out * 1.01",
    "forward-non-leaf": "out = F._forward(ctx, x, *rest)\nreturn out if x.is_leaf else out * 1.01",
    "forward-quantised": "out = F._forward(ctx, x, *rest)\nreturn (out * 1e+06).round() / 1e+06",
    "once-differentiable": "return F._forward(ctx, x, *rest)",
}

EACH = """
def each(change, out):
    if isinstance(out, tuple):
        return tuple(t if t is None else change(t) for t in out)
    return change(out)
"""

# The outermost part of each scenario's range, so that "beyond" lies inside it.
BEYOND = {
    "learnable-swish": 16.0,
    "five-activations": 8.0,
    "memory-relu": 100.0,
    "approximate-physics": 1.8,
}


def _semantic(source: Original) -> Iterator[tuple[str, str, ast.Module]]:
    for position in source.used:
        node = source.tree.body[position]
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        if not {"forward", "backward"} <= methods.keys():
            continue
        for operator, text in BACKWARD.items():
            yield operator, node.name, _wrapped(source, position, "backward", "ctx, g", text)
        first = methods["forward"].args.args[1].arg
        # A block's first argument is its layers; the tensor comes after it.
        lead = "ctx, layers, x" if first == "layers" else "ctx, x"
        for operator, text in FORWARD.items():
            if operator == "once-differentiable":
                yield operator, node.name, _once_differentiable(source, position)
                continue
            # In the texts the call is always ``_forward(ctx, x…, *rest)``.
            text = re.sub(r"\(ctx(\.bag)?, x", rf"({lead.replace('ctx', r'ctx@')}", text)
            text = re.sub(r"\(F\.bag, x", f"(F.bag, {lead.removeprefix('ctx, ')}", text)
            text = text.replace("ctx@", "ctx.bag" if operator == "ctx-attribute" else "ctx")
            tree = _wrapped(source, position, "forward", f"{lead}, *rest", text)
            if operator in {"ctx-attribute", "class-state"}:
                bag = "ctx.bag" if operator == "ctx-attribute" else "F.bag"
                tree = _wrapped(
                    replace(source, tree=tree),
                    position,
                    "backward",
                    "ctx, g",
                    f"{bag}.needs_input_grad = ctx.needs_input_grad\nreturn F._backward({bag}, g)",
                )
            yield operator, node.name, tree


def _wrapped(source: Original, position: int, method: str, arguments: str, text: str) -> ast.Module:
    """The method renamed to ``_method`` and one around it that does ``text``."""
    tree = _copied(source.tree, position)
    owner = tree.body[position]
    assert isinstance(owner, ast.ClassDef)
    for item in owner.body:
        if isinstance(item, ast.FunctionDef) and item.name == method:
            item.name = f"_{method}"
    text = text.replace("F.", f"{owner.name}.").replace("(F,", f"({owner.name},")
    text = text.replace("BEYOND", str(BEYOND.get(source.scenario, 2.8)))
    body = "\n".join(f"    {line}" for line in text.splitlines())
    made = ast.parse(f"@staticmethod\ndef {method}({arguments}):\n{body}").body
    owner.body += made
    if "each(" in text and not any(_name(n) == "each" for n in tree.body):
        tree.body += ast.parse(EACH).body
    return tree


def _once_differentiable(source: Original, position: int) -> ast.Module:
    tree = _copied(source.tree, position)
    owner = tree.body[position]
    assert isinstance(owner, ast.ClassDef)
    for item in owner.body:
        if isinstance(item, ast.FunctionDef) and item.name == "backward":
            once = ast.parse("torch.autograd.function.once_differentiable", mode="eval").body
            if len(item.decorator_list) == 1:
                item.decorator_list.append(once)
    return tree
