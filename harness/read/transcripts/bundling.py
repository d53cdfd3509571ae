"""A file together with the local files it imports, as one text."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from harness.code.lines import split_lines
from harness.code.nodes import walk
from harness.code.parsing import Unreadable, parse
from harness.read.transcripts.replaying import find

# Files in a chain, imports looked at, names in each, and characters of a file and of all that
# becomes one text; more is not an answer to a request.
_MAX_DEPTH, _MAX_IMPORTS, _MAX_NAMES, _MAX_CHARACTERS = 8, 100, 20, 100_000
_BY_HAND = "spec_from_file_location"
_IMPORTING = re.compile(r"\b(?:from|import)[ \t]+([^\n#]*)")


def bundle(
    files: Mapping[str, str],
    code: str,
    wanted: Callable[[str], bool] = lambda path: True,
    inside: tuple[str, ...] = (),
    known: dict[str, str | None] | None = None,
) -> str:
    """``code`` after the local files it imports from, whose main guards are left out.

    Only files whose path is ``wanted`` are put in; the others stay imports.
    Code that does not parse comes back as it is, and so does what would become too long.
    ``inside`` and ``known`` are for files within files: where one is, and what is known of others.
    """
    known = {} if known is None else known
    modules = (path.removesuffix("/__init__.py").removesuffix(".py") for path in files)
    stems = {module.rsplit("/", 1)[-1] for module in modules}
    by_hand = _BY_HAND in code
    words = {word for line in _IMPORTING.findall(code) for word in re.findall(r"\w+", line)}
    if not by_hand and not stems & words:
        # The usual case, and parsing is what costs.
        return code
    tree = _parse(code)
    if tree is None or len(inside) > _MAX_DEPTH:
        return code
    imports = [n for n in walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    folders = [*_put_in_front(tree), posixpath.dirname(inside[-1]) if inside else ""]
    lines = split_lines(code)
    before: list[str] = []
    for node in imports[:_MAX_IMPORTS]:
        for path, bound in _local(files, node, folders):
            if path not in known and path not in inside:
                # However many files import it, it is read once.
                known[path] = None
                if wanted(path):
                    known[path] = _imported(files, path, wanted, inside, known)
            text = None if path in inside else known[path]
            if text is None:
                break
            before.append(text)
            if bound:
                qualified = re.compile(rf"(?<![\w.]){re.escape(bound)}\.(?=[^\W\d])")
                lines = [qualified.sub("", line) for line in lines]
        else:
            if any(True for _ in _local(files, node, folders)):
                _blank(lines, node, _assignments(node), _beside(code, node))
    for loaded in _loaded_by_hand(files, tree) if by_hand else ():
        if loaded.path in inside or not wanted(loaded.path):
            continue
        if loaded.path not in known:
            known[loaded.path] = None
            known[loaded.path] = _imported(files, loaded.path, wanted, inside, known)
        before.append(known[loaded.path] or "")
        for statement in loaded.statements:
            _blank(lines, statement, "", _beside(code, statement))
        qualified = re.compile(rf"(?<![\w.]){re.escape(loaded.bound)}\.(?=[^\W\d])")
        lines = [qualified.sub("", line) for line in lines]
    future = [line for line in lines if line.startswith("from __future__")]
    if not before:
        return "\n".join(lines)
    rest = "\n".join("" if line in future else line for line in lines)
    parts = [*dict.fromkeys(future), *dict.fromkeys(before), rest]
    return "\n".join(parts) if sum(map(len, parts)) <= _MAX_CHARACTERS else code


def clash(contents: Sequence[str]) -> str:
    """A function or class that several files define, each in its own way; empty without one."""
    defined: dict[str, str] = {}
    for content in contents if len(contents) > 1 else ():
        tree = _parse(content)
        for node in tree.body if tree else []:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "main":
                as_it_is = ast.dump(node)
                if defined.setdefault(node.name, as_it_is) != as_it_is:
                    return node.name
    return ""


def _imported(
    files: Mapping[str, str],
    path: str,
    wanted: Callable[[str], bool],
    inside: tuple[str, ...],
    known: dict[str, str | None],
) -> str:
    code = bundle(files, files[path], wanted, (*inside, path), known)
    tree = _parse(code)
    lines = split_lines(code)
    for node in tree.body if tree else []:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if future or (isinstance(node, ast.If) and _asks_for_name(node.test)):
            _blank(lines, node, "")
    return "\n".join(lines)


def _asks_for_name(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in walk(test))


def _local(
    files: Mapping[str, str], node: ast.Import | ast.ImportFrom, folders: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Files behind an import, each with what its names are qualified with, if anything."""
    if isinstance(node, ast.ImportFrom):
        path = _file(files, node.module or "", folders)
        if path is not None:
            yield path, ""
        return
    for item in node.names[:_MAX_NAMES]:
        path = _file(files, item.name, folders)
        if path is not None:
            yield path, item.asname or item.name


class _Loaded(NamedTuple):
    """A file that code loads by its path."""

    path: str
    # What its names are qualified with.
    bound: str
    # Those that load it.
    statements: Sequence[ast.stmt]


def _loaded_by_hand(files: Mapping[str, str], tree: ast.Module) -> Iterator[_Loaded]:
    """``spec_from_file_location``, ``module_from_spec`` and what goes on with the two."""
    assigned = {
        node.targets[0].id: node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for spec, node in assigned.items():
        if _BY_HAND not in ast.dump(node.value):
            continue
        named = (n.value for n in walk(node.value) if isinstance(n, ast.Constant))
        path = next((find(files, n) for n in named if isinstance(n, str) and n[-3:] == ".py"), None)
        bound = next(
            (
                name
                for name, other in assigned.items()
                if isinstance(other.value, ast.Call) and spec in _names(other.value.args)
            ),
            None,
        )
        if path is None or bound is None:
            continue
        statements = [
            one
            for one in tree.body
            if one in (node, assigned[bound])
            or (isinstance(one, ast.Expr | ast.Assert | ast.Assign) and _only(one, spec, bound))
        ]
        yield _Loaded(path, bound, statements)


def _names(nodes: Sequence[ast.AST]) -> set[str]:
    return {n.id for node in nodes for n in walk(node) if isinstance(n, ast.Name)}


def _only(node: ast.stmt, spec: str, bound: str) -> bool:
    """Whether a statement goes on loading: it executes the module, registers or asserts it."""
    names = _names([node])
    return spec in names or (bound in names and "modules" in ast.dump(node))


def _put_in_front(tree: ast.Module) -> Iterator[str]:
    """Folders that code puts in front of where modules are looked for."""
    for node in walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="path"), attr="insert"),
                args=[_, ast.Constant(value=str(folder))],
            ):
                yield folder


def _file(files: Mapping[str, str], module: str, folders: Sequence[str]) -> str | None:
    """The file of a module: in one of ``folders``, or else wherever one is called so."""
    if not module:
        return None
    path = module.replace(".", "/")
    for folder in folders:
        for name in (f"{path}.py", f"{path}/__init__.py"):
            there = posixpath.normpath(posixpath.join(folder, name))
            if there in files:
                return there
    return find(files, f"{path}.py") or find(files, f"{path}/__init__.py")


def _assignments(node: ast.Import | ast.ImportFrom) -> str:
    """What an import's new names stand for once the file is part of the text."""
    if isinstance(node, ast.Import):
        return ""
    renamed = [f"{i.asname} = {i.name}" for i in node.names if i.asname not in (None, i.name)]
    return "; ".join(renamed)


def _beside(code: str, node: ast.stmt) -> str:
    """The statement as it is written, where its line holds others, too; else nothing."""
    line = split_lines(code)[node.lineno - 1].encode()
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        return ""
    others = line[: node.col_offset] + line[node.end_col_offset :].split(b"#")[0]
    return line[node.col_offset : node.end_col_offset].decode() if others.strip() else ""


def _blank(lines: list[str], node: ast.stmt, instead: str, beside: str = "") -> None:
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    if beside:
        lines[first] = lines[first].replace(beside, instead or "pass", 1)
        return
    alone = not lines[first][: node.col_offset].strip()
    if alone and last < len(lines):
        # An indented import may be all that a block holds.
        indent = lines[first][: node.col_offset]
        lines[first : last + 1] = [indent + (instead or ("pass" if indent else ""))] + [""] * (
            last - first
        )


# A file is looked at once for itself and once for each file that imports it.
@lru_cache(maxsize=256)
def _parse(code: str) -> ast.Module | None:
    try:
        return parse(code)
    except Unreadable:
        return None
