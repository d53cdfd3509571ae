"""A chat reply in Markdown: which of its blocks is the submission, and what is prose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.code.lines import LineIndex, line_index
from harness.code.parsing import MAX_CHARACTERS
from harness.model import Passage
from harness.read.submissions.syntax import Block, inspect

# Only the last blocks of a reply are looked at; an honest one has a handful, and in all of them
# together not much more than one file.
_MAX_BLOCKS, _MAX_CODE = 200, 2 * MAX_CHARACTERS
# Reading Markdown takes up to 40 µs and 3 kB a line; an honest reply has hundreds of lines.
MAX_LINES = 20_000
_PYTHON = {"", "py", "python", "python3"}
_INLINE = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.S)


_UNFENCED = re.compile(r"^[ \t]*(?:(?:async )?def \w+\(|class \w+[(:])", re.M)
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.M)
_CLOSING = re.compile(r"[\s>]*(?:`{3,}|~{3,})\s*$")
_WORDS = re.compile(r"\S")


@dataclass(frozen=True)
class Snippet:
    """A piece of code in a reply."""

    # The code, without the indentation of a list it may stand in.
    code: str
    # Line of the text its first line stands on, from 1.
    line: int
    # Whether it stands in a fenced block rather than inside a sentence.
    fenced: bool
    # Whether its label says Python or nothing.
    python: bool = True


@dataclass(frozen=True)
class Reply:
    """A reply taken apart."""

    code: str | None = None
    code_line: int = 1
    prose: tuple[Passage, ...] = ()
    # Why there is nothing to run.
    problem: str | None = None


def take_apart(text: str, names: Sequence[str]) -> Reply:
    """Find the code that defines ``names`` (any code where empty) and the prose around it.

    A reply of more than ``MAX_LINES`` lines is not read.
    """
    count = len(line_index(text))
    if count > MAX_LINES:
        return Reply(problem=f"has {count:,} lines; a reply may have {MAX_LINES:,}")
    fences = _fences(text)
    prose = _prose(text, fences)
    blocks = [(f, inspect(f.code)) for f in _last([f for f in fences if f.python])]
    if not fences:
        block = inspect(text)
        if block.error is None and block.has_statement:
            return Reply(text)
    chosen = _choose(blocks, frozenset(names))
    if not chosen:
        return Reply(None, 1, prose, _nothing_to_run(blocks, names))
    code, line = _join([fence for fence, _ in chosen])
    return Reply(code, line, prose, parse_problem(code, line))


def _last(fences: Sequence[Snippet]) -> Sequence[Snippet]:
    """As many of the last ones as are looked at, at least one."""
    room = _MAX_CODE
    for count, fence in enumerate(reversed(fences)):
        room -= len(fence.code)
        if count == _MAX_BLOCKS or (count and room < 0):
            return fences[len(fences) - count :]
    return fences


def parse_problem(code: str, line: int = 1) -> str | None:
    """Why ``code``, which starts on ``line`` of its text, does not parse; ``None`` if it does."""
    error = inspect(code).error
    return None if error is None else f"does not parse: line {error[0] + line - 1}: {error[1]}"


def passages(text: str) -> tuple[Passage, ...]:
    """The prose of a reply, without its code blocks, in order.

    The text has ``MAX_LINES`` lines at most.
    """
    return _prose(text, _fences(text))


def shows_code(text: str) -> bool:
    """Whether a reply holds Python outside of fences, or a fence that is not closed."""
    return _UNFENCED.search(text) is not None or len(_FENCE.findall(text)) % 2 == 1


def snippets(text: str) -> tuple[Snippet, ...]:
    """Every Python-looking piece of code in a reply, fenced or inline, in order.

    A reply of more than ``MAX_LINES`` lines is not read.
    """
    if len(line_index(text)) > MAX_LINES:
        return ()
    fences = _fences(text)
    found = [fence for fence in fences if fence.python]
    for passage in _prose(text, fences):
        lines = LineIndex(passage.text)
        for match in _INLINE.finditer(passage.text):
            line = passage.line + lines.line(match.start(2)) - 1
            found.append(Snippet(match[2].strip(), line, fenced=False))
    return tuple(sorted(found, key=lambda snippet: snippet.line))


# The messages of a transcript are read when it is taken apart and again for their snippets.
@lru_cache(maxsize=64)
def _fences(text: str) -> tuple[Snippet, ...]:
    # Imported here so that ``import harness`` stays quick.
    from markdown_it import MarkdownIt

    # Only blocks matter; the inline pass is where Markdown gets slow on hostile text.
    parser = MarkdownIt("commonmark").disable("inline")
    return tuple(
        Snippet(token.content, token.map[0] + 2, True, _label(token.info) in _PYTHON)
        for token in parser.parse(text)
        if token.type == "fence" and token.map is not None
    )


def _label(info: str) -> str:
    words = re.split(r"[\s,{}]+", info.strip().strip("{}").lower())
    return words[0].lstrip(".")


def _prose(text: str, fences: Sequence[Snippet]) -> tuple[Passage, ...]:
    lines = line_index(text)
    found: list[Passage] = []
    start = 1
    for fence in fences:
        _append(found, text, lines, start, fence.line - 1)
        start = fence.line + fence.code.count("\n")
        if start <= len(lines) and _CLOSING.match(lines.content(start)):
            start += 1
    _append(found, text, lines, start, len(lines) + 1)
    return tuple(found)


def _append(found: list[Passage], text: str, lines: LineIndex, start: int, end: int) -> None:
    """Add what stands on the lines from ``start`` up to ``end``, without blank ones around it."""
    words = _WORDS.search(text, lines.start(start), lines.start(end))
    if words:
        line = lines.line(words.start())
        found.append(Passage(text[lines.start(line) : lines.start(end)].rstrip(), line))


_Candidate = tuple[Snippet, Block]


def _choose(blocks: list[_Candidate], wanted: frozenset[str]) -> list[_Candidate]:
    if not wanted:
        definers = [pair for pair in blocks if pair[1].defines]
        return _last_with_backward(definers)
    whole = [
        pair
        for pair in blocks
        if wanted <= pair[1].defines and pair[1].error is None and not pair[1].needs
    ]
    if whole:
        return _last_with_backward(whole)
    spread = _spread(blocks, wanted)
    if spread:
        return spread
    # Nothing asked for is there; what is there gets its chance to say so itself.
    return _last_with_backward([pair for pair in blocks if pair[1].has_backward])


def _last_with_backward(blocks: list[_Candidate]) -> list[_Candidate]:
    # "Or simply use torch.relu" often follows the answer and defines the same name.
    return ([pair for pair in blocks if pair[1].has_backward] or blocks)[-1:]


def _spread(blocks: list[_Candidate], wanted: frozenset[str]) -> list[_Candidate]:
    """The blocks that together define ``wanted`` and whatever those need, in order."""
    taken: set[int] = set()
    open_names, settled = sorted(wanted), set[str]()
    while open_names:
        name = open_names.pop(0)
        if name in settled:
            continue
        settled.add(name)
        index = _definer(blocks, name, taken)
        if index is None or index in taken:
            continue
        taken.add(index)
        open_names += sorted(blocks[index][1].needs)
    return [blocks[i] for i in sorted(taken)]


def _definer(blocks: list[_Candidate], name: str, taken: set[int]) -> int | None:
    parsed = [i for i, (_, block) in enumerate(blocks) if block.error is None]
    broken = [i for i in range(len(blocks)) if i not in parsed]
    for pool in (parsed, broken):
        found = [i for i in pool if name in blocks[i][1].defines]
        if found:
            carrying = [i for i in found if blocks[i][1].has_backward]
            return (carrying or found)[-1]
    importing = [i for i in parsed if name in blocks[i][1].imports]
    return next((i for i in importing if i in taken), importing[0] if importing else None)


def _join(fences: list[Snippet]) -> tuple[str, int]:
    """One text in which every line keeps its distance from the first, and the first's line."""
    first = fences[0].line
    code = ""
    for fence in fences:
        code += "\n" * (fence.line - first - code.count("\n")) + fence.code
    return code, first


def _nothing_to_run(blocks: list[_Candidate], names: Sequence[str]) -> str:
    if not blocks:
        return "has no Python code: put the solution into a ```python block"
    asked = ", ".join(names) or "a function"
    return f"has code blocks, but none of them defines {asked}"
