"""A file together with the local files it imports, as one text."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from harness.code.lines import split_lines
from harness.code.parsing import Unreadable, parse
from harness.read.transcripts.replaying import find

# Files in a chain, imports looked at, names in each, and characters of a file and of all that
# becomes one text; more is not an answer to a request.
_MAX_DEPTH, _MAX_IMPORTS, _MAX_NAMES, _MAX_CHARACTERS = 8, 100, 20, 100_000
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
    if not stems & {word for line in _IMPORTING.findall(code) for word in re.findall(r"\w+", line)}:
        # The usual case, and parsing is what costs.
        return code
    tree = _parse(code)
    if tree is None or len(inside) > _MAX_DEPTH:
        return code
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = split_lines(code)
    before: list[str] = []
    for node in imports[:_MAX_IMPORTS]:
        for path, bound in _local(files, node):
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
            if any(True for _ in _local(files, node)):
                _blank(lines, node, _assignments(node), _beside(code, node))
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
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _local(
    files: Mapping[str, str], node: ast.Import | ast.ImportFrom
) -> Iterator[tuple[str, str]]:
    """Files behind an import, each with what its names are qualified with, if anything."""
    if isinstance(node, ast.ImportFrom):
        path = _file(files, node.module or "")
        if path is not None:
            yield path, ""
        return
    for item in node.names[:_MAX_NAMES]:
        path = _file(files, item.name)
        if path is not None:
            yield path, item.asname or item.name


def _file(files: Mapping[str, str], module: str) -> str | None:
    if not module:
        return None
    path = module.replace(".", "/")
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
