"""Which dotted name an expression stands for, and which names a piece of code mentions."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from harness.code.nodes import every, walk

FUNCTIONS = frozenset(
    {
        "Function",
        "torch.autograd.Function",
        "torch.autograd.function.Function",
        "torch.autograd.function.InplaceFunction",
    }
)
GRADCHECKS = {
    f"{prefix}{name}": name
    for name in ("gradcheck", "gradgradcheck")
    for prefix in ("", "torch.autograd.", "torch.autograd.gradcheck.")
}
_STARRED = {"torch.autograd": ("Function", "gradcheck", "gradgradcheck")}


def aliases(tree: ast.Module) -> dict[str, str]:
    """The dotted name behind every imported name, and behind names assigned from those."""
    found: dict[str, str] = {}
    for node in every(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                root = item.name.split(".")[0]
                found[item.asname or root] = item.name if item.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for item in node.names:
                if item.name == "*":
                    found |= {n: f"{node.module}.{n}" for n in _STARRED.get(node.module, ())}
                else:
                    found[item.asname or item.name] = f"{node.module}.{item.name}"
    for node in every(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute | ast.Name):
            dotted = resolve(node.value, found)
            if dotted in FUNCTIONS or dotted in GRADCHECKS:
                found |= {t.id: dotted for t in node.targets if isinstance(t, ast.Name)}
    return found


def resolve(node: ast.AST, known: Mapping[str, str]) -> str | None:
    """``a.b.c`` with its root replaced by what was imported; ``None`` for other expressions."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(known.get(node.id, node.id))
    return ".".join(reversed(parts))


def mentioned(node: ast.AST) -> frozenset[str]:
    """Every plain name in a piece of code."""
    return frozenset(n.id for n in walk(node) if isinstance(n, ast.Name))


def last(node: ast.expr) -> str:
    """The last part of a dotted name; empty for other expressions."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
