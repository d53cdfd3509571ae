"""How the function under test is had in a snippet, and whether a snippet shows what is wrong."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.diagnosis.snippet import variable
from harness.library.arguments import Arguments, Form, Piece
from harness.library.aspects import Aspect
from harness.library.subject import RANDOM_SEED, Subject

# Numbers of a tensor that is written down.
MOST_NUMBERS = 64
RAISES = "# raises "


class NotWritten(Exception):
    """A value for which there is no line of Python."""


@dataclass(frozen=True)
class Preamble:
    """Lines that a snippet begins with."""

    # That import the function, or say what to put there.
    imported: str
    # That define what is asked, in terms of it.
    defined: str
    # What the first ones bind.
    bound: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The lines, for ``str.format``."""
        return _escaped("\n".join(filter(None, (self.imported, self.defined))))


def preamble(subject: Subject, aspect: Aspect, name: str, draws: Iterable[int]) -> Preamble | None:
    """Lines after which ``name`` is what is asked; ``None`` where there are none."""
    fn, givens, numbered = subject.fn, subject.givens, subject.numbered
    if aspect.body is None:
        return None
    simple = _is_plain(givens[0]) and not (numbered or subject.inplace or subject.random)
    if aspect.body == "{call}" and simple:
        return Preamble(_import(fn, name), "", {name: _callable(fn)})
    alias = "module" if isinstance(fn, torch.nn.Module) else "op"
    taken = [argument.name for argument in aspect.arguments]
    names = {of: variable(of, taken, name) for of in taken}
    names |= {p.name: variable(p.name, taken, name) for p in givens[0].pieces}
    body = aspect.body
    if "\n" not in body:
        body = f"return {body}"
    if subject.random:
        body = f"torch.manual_seed({RANDOM_SEED})\n{body}"
    for of, known in names.items():
        body = body.replace(f"{{{of}}}", known)
    parameters = ", ".join(names[argument.name] for argument in aspect.arguments)
    lines = []
    try:
        if numbered:
            every = ", ".join(names[piece.name] for piece in givens[0].pieces)
            for draw in sorted(set(draws)):
                made = _call(givens[draw], names, subject.inplace)
                lines.append(f"def call_{draw}({every}): return {made}")
            body = body.replace("{call}", f'globals()[f"call_{{{names["draw"]}}}"]({every})')
        else:
            body = body.replace("{as_is}", _call(givens[0], names, frozenset()))
            body = body.replace("{call}", _call(givens[0], names, subject.inplace))
    except NotWritten:
        told = f"{name} = ...  # a function of {parameters} that calls yours as the check did"
        return Preamble(told, "", {name: aspect.fn})
    if "\n" in body:
        lines += [f"def {name}({parameters}):", *(f"    {line}" for line in body.splitlines())]
    else:
        lines.append(f"def {name}({parameters}): {body}")
    if "copy.deepcopy" in body:
        lines.insert(0, "import copy")
    return Preamble(_import(fn, alias), "\n".join(lines), {alias: _callable(fn)})


def _callable(fn: Any) -> Any:
    if isinstance(fn, torch.nn.Module):
        return copy.deepcopy(fn)
    return getattr(fn, "apply") if isinstance(fn, type) else fn  # noqa: B009


def shows(snippet: str, start: Preamble, subject: Subject) -> bool:
    """Whether the snippet, run as in a new process, shows that something is wrong."""
    said = [line for line in snippet.splitlines() if line.startswith(RAISES)]
    printed: dict[str, tuple[Any, ...]] = {}
    texts: dict[str, list[str]] = {}

    def note(label: str, *values: Any) -> None:
        printed[label.strip()] = values
        texts[label.strip()] = [_text(value) for value in values]

    lines = snippet.replace(start.imported, "", 1)
    names = {"__name__": "snippet", "print": note, **start.bound}
    try:
        with _undisturbed(), subject.state.as_before():
            exec(compile(lines, "<snippet>", "exec"), names)
    except Exception as error:
        if said:
            return said[-1].startswith(f"{RAISES}{type(error).__name__}")
        return type(error).__name__ == "GradcheckError"
    if said or "got" not in printed:
        return False
    match printed["got"], printed.get("expected"):
        case (torch.Tensor() as got,), ("between", low, "and", high):
            return not bool(((low <= got) & (got <= high)).all())
    return texts["got"] != texts.get("expected")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Settings of torch and random numbers are as before afterwards."""
    options = torch._tensor_str.get_printoptions()
    with torch.random.fork_rng([]), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            torch.set_printoptions(**options)  # type: ignore[no-untyped-call]


def _text(value: Any) -> str:
    """What is printed, without what is behind a tensor."""
    if not isinstance(value, torch.Tensor):
        return str(value)
    # An index is compared with numbers.
    return str(value.detach() if value.is_floating_point() else value.double())


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _is_plain(given: Arguments) -> bool:
    """Whether the arguments are just what is drawn, in order."""
    simple = all(p.form in (Form.NUMBER, Form.TENSOR) for p in given.pieces)
    return simple and len(given.pieces) == len(given.inputs) and not given.keywords


def _import(fn: Any, alias: str) -> str:
    """A line that imports ``fn`` as ``alias``, or else says what to put there."""
    of = getattr(fn, "__self__", None)
    if isinstance(of, type) and fn == getattr(of, "apply", None):
        fn = of  # a bound ``Function.apply``
    name, home = getattr(fn, "__qualname__", ""), getattr(fn, "__module__", "") or ""
    module = sys.modules.get(home)
    apply = ".apply" if isinstance(fn, type) else ""
    if not name.isidentifier() or home == "__main__" or getattr(module, name, None) is not fn:
        return f"{alias} = ...  # {_told(fn, name, apply)}"
    file = getattr(module, "__file__", None)
    if file is not None and Path(file).stem not in (home.rpartition(".")[2], "__init__"):
        return f'import runpy; {alias} = runpy.run_path("{file}")["{name}"]{apply}'
    line = f"from {home} import {name}"
    line += f"; {alias} = {name}{apply}" if apply or alias != name else ""
    before = _path_line(file, home)
    return f"{before}\n{line}" if before else line


def _told(fn: Any, name: str, apply: str) -> str:
    """What to put in the place of a function that no line imports."""
    if isinstance(fn, torch.nn.Module):
        return f"put your module here, a {type(fn).__name__}"
    last = name.rpartition(".")[2]
    return f"put {last}{apply} here" if last.isidentifier() else "put your function here"


def _path_line(file: str | None, home: str) -> str | None:
    """A line that lets Python find a module that is not installed."""
    if file is None:
        return None
    root = Path(file).resolve().parents[home.count(".") + (Path(file).stem == "__init__")]
    if str(root).startswith(sys.prefix) or root.name == "site-packages":
        return None
    return f'import sys; sys.path.insert(0, "{root}")'


def _call(given: Arguments, names: Mapping[str, str], cloned: frozenset[str]) -> str:
    """The call, of what ``names`` holds the pieces; those of ``cloned`` as clones."""
    rest = iter(given._per_leaf)
    write = _Writer(names, cloned)
    positional = [write.value(value, rest) for value in given.inputs]
    named = [f"{name}={write.value(value, rest)}" for name, value in given.keywords.items()]
    if given.module is None:
        return f"op({', '.join([*positional, *named])})"
    paths = {id(parameter): path for path, parameter in given.module.named_parameters()}
    mine = given._originals[len(given._originals) - len(given.of_module) :]
    known = zip(mine, given.of_module, strict=True)
    own = ", ".join(f'"{paths[id(o)]}": {names[piece.name]}' for o, piece in known)
    keywords = ", ".join(
        f'"{name}": {text.partition("=")[2]}'
        for name, text in zip(given.keywords, named, strict=True)
    )
    dtype = next((names[p.name] for p in given.pieces if p.is_tensor), "")
    return (
        f"torch.func.functional_call(copy.deepcopy(module).to({dtype}.dtype), "
        f"{{{own}}}, ({', '.join(positional)}{',' if positional else ''}), {{{keywords}}})"
    )


@dataclass(frozen=True)
class _Writer:
    names: Mapping[str, str]
    cloned: frozenset[str]

    def value(self, value: Any, rest: Any) -> str:
        """An expression for the value; pieces by their names. Raises ``NotWritten``."""
        if type(value) in (list, tuple):
            parts = ", ".join(self.value(one, rest) for one in value)
            if type(value) is list:
                return f"[{parts}]"
            return f"({parts}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            parts = ", ".join(f"{key!r}: {self.value(one, rest)}" for key, one in value.items())
            return f"{{{parts}}}"
        pieces: list[Piece] = next(rest)
        if pieces:
            found = self._piece(pieces[0], value)
            return f"{found}.clone()" if pieces[0].name in self.cloned else found
        if isinstance(value, torch.Tensor):
            if value.numel() > MOST_NUMBERS or value.layout is not torch.strided:
                raise NotWritten
            return f"torch.tensor({value.tolist()}, dtype={value.dtype})"
        if value is None or isinstance(value, bool | int | float | str | torch.dtype):
            return repr(value)
        raise NotWritten

    def _piece(self, piece: Piece, value: Any) -> str:
        name = self.names[piece.name]
        match piece.form:
            case Form.COMPLEX:
                return f"torch.view_as_complex({name})"
            case Form.SPARSE if value.layout is torch.sparse_coo and value._nnz() <= MOST_NUMBERS:
                at = value.coalesce().indices().tolist()
                return f"torch.sparse_coo_tensor({at}, {name}, {tuple(value.shape)})"
            case Form.SPARSE | Form.PARAMETER:
                raise NotWritten
        return name
