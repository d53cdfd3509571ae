"""How the function under test is had in a snippet, with every argument that was passed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.library.arguments import Arguments, Form, Piece

# Numbers of a tensor that is written down.
MOST_NUMBERS = 64
UNKNOWN = "# {0} is the function under test"


class NotWritten(Exception):
    """A value for which there is no line of Python."""


def import_lines(
    fn: Any, givens: Sequence[Arguments], numbered: bool, draws: Iterable[int], body: str | None
) -> str:
    """Lines that define the function that is asked; ``{0}`` stands for its name.

    ``body`` is an expression of ``{call}``, or ``None`` where there is none to be written.
    """
    plain = body == "{call}" and not numbered and _is_plain(givens[0])
    if plain:
        return _import(fn, None) or UNKNOWN
    imported = _import(fn, "op")
    if imported is None or body is None or givens[0].modules:
        return UNKNOWN
    try:
        lines = [imported]
        names = [piece.name for piece in givens[0].pieces]
        if numbered:
            for draw in sorted(set(draws)):
                made = _call(givens[draw])
                lines.append(f"def call_{draw}({', '.join(names)}): return {_escaped(made)}")
            lines.append(
                f"def {{0}}({', '.join(names)}, draw): return "
                + _escaped(
                    body.replace("{call}", f"globals()[f'call_{{draw}}']({', '.join(names)})")
                )
            )
        else:
            call = body.replace("{call}", _call(givens[0]))
            lines.append(f"def {{0}}({', '.join(names)}): return {_escaped(call)}")
    except NotWritten:
        return UNKNOWN
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _is_plain(given: Arguments) -> bool:
    """Whether the arguments are just what is drawn, in order."""
    simple = all(p.form in (Form.NUMBER, Form.TENSOR) for p in given.pieces)
    return simple and len(given.pieces) == len(given.inputs) and not given.keywords


def _import(fn: Any, alias: str | None) -> str | None:
    """A line that imports ``fn`` as ``alias``, or else under the name that ``{0}`` stands for.

    ``None`` where no line does.
    """
    name, home = getattr(fn, "__qualname__", ""), getattr(fn, "__module__", "") or ""
    module = sys.modules.get(home)
    if not name.isidentifier() or home == "__main__" or getattr(module, name, None) is not fn:
        return None
    known = alias or "{0}"
    apply = ".apply" if isinstance(fn, type) else ""
    file = getattr(module, "__file__", None)
    if file is not None and Path(file).stem not in (home.rpartition(".")[2], "__init__"):
        return f'import runpy; {known} = runpy.run_path("{_escaped(file)}")["{name}"]{apply}'
    line = f"from {home} import {name}"
    line += f"; {known} = {name}{apply}" if apply or alias else ""
    before = _path_line(file, home)
    return f"{_escaped(before)}\n{line}" if before else line


def _path_line(file: str | None, home: str) -> str | None:
    """A line that lets Python find a module that is not installed."""
    if file is None:
        return None
    root = Path(file).resolve().parents[home.count(".") + (Path(file).stem == "__init__")]
    if str(root).startswith(sys.prefix) or root.name == "site-packages":
        return None
    return f'import sys; sys.path.insert(0, "{root}")'


def _call(given: Arguments) -> str:
    rest = iter(given._per_leaf)
    positional = [_written(value, rest) for value in given.inputs]
    named = [f"{name}={_written(value, rest)}" for name, value in given.keywords.items()]
    return f"op({', '.join([*positional, *named])})"


def _written(value: Any, rest: Any) -> str:
    """An expression for the value; pieces by their names. Raises ``NotWritten``."""
    if type(value) in (list, tuple):
        parts = ", ".join(_written(one, rest) for one in value)
        return f"[{parts}]" if type(value) is list else f"({parts}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        parts = ", ".join(f"{key!r}: {_written(one, rest)}" for key, one in value.items())
        return f"{{{parts}}}"
    pieces: list[Piece] = next(rest)
    if pieces:
        return _piece(pieces[0], value)
    if isinstance(value, torch.Tensor):
        if value.numel() > MOST_NUMBERS or value.layout is not torch.strided:
            raise NotWritten
        return f"torch.tensor({value.tolist()}, dtype={value.dtype})"
    if value is None or isinstance(value, bool | int | float | str | torch.dtype):
        return repr(value)
    raise NotWritten


def _piece(piece: Piece, value: Any) -> str:
    match piece.form:
        case Form.COMPLEX:
            return f"torch.view_as_complex({piece.name})"
        case Form.SPARSE if value.layout is torch.sparse_coo and value._nnz() <= MOST_NUMBERS:
            at = value.coalesce().indices().tolist()
            return f"torch.sparse_coo_tensor({at}, {piece.name}, {tuple(value.shape)})"
        case Form.SPARSE | Form.PARAMETER:
            raise NotWritten
    return piece.name
