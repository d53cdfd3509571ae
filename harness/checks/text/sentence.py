"""Prose, comments and docstrings as sentences, each one a verbatim slice of the text."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, zip_longest

from harness.code.lines import LineIndex, line_index
from harness.code.parsing import MAX_CHARACTERS, Unreadable, parse
from harness.model import Passage, Submission

# Characters and sentences beyond these are not searched, and a longer "sentence" is cut: matching
# costs words times phrasings, and nobody should be able to keep the grader busy.
_MAX_SEARCHED, _MAX_SENTENCES, _MAX_SENTENCE = 150_000, 4_000, 2_000
# Characters in which sentences are looked for: text without words has none, however long it is.
_MAX_READ = 500_000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"#{1,6}\s")
_RULE = re.compile(r"(?:[-*_=~]\s*){3,}$|\|.*\|$")
# From the start of a run of dots only: from each of its dots would cost the square of its length.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_`]*+(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘*_])(?:e\.g|i\.e|etc|vs|cf|approx|resp|dr|prof)\.$", re.I
)
# Abbreviations only before a number: "no. 3".
_NUMBERED = re.compile(r"(?:^|\s)(?:no|fig|eq)\.$", re.I)
_NEXT = re.compile(r"\s*[*_]*(\S?)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.U)
# Ends of a contraction and the word each stands for; ``'d`` and ``'s`` stay open.
_CONTRACTIONS = {"re": "are", "ll": "will", "ve": "have", "m": "am", "d": "'d", "s": "'s"}
_IRREGULAR = {
    "won't": ("will", "not"),
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "shan't": ("shall", "not"),
    "ain't": ("is", "not"),
}


@dataclass(frozen=True)
class Word:
    """A word in its plain form; a contraction gives two on the same place."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Sentence:
    """One sentence of an agent's own text."""

    # Verbatim words, line breaks included.
    text: str
    # Where it starts in the submission's text, in characters.
    start: int
    # Line it starts on, from 1.
    line: int
    # Whether it stands in a Markdown quotation (``>``).
    quoted: bool = False

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Its words, lower case, without emphasis, contractions taken apart."""
        return tuple(words(self.text))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Its words without their places."""
        return frozenset(word.text for word in self.words)

    def precedes(self, other: Sentence) -> bool:
        """Whether ``other`` goes on where it ends: same paragraph, same voice."""
        end = self.start + len(self.text)
        last = self.line + LineIndex(self.text).line(len(self.text)) - 1
        return other.start - end <= 8 and other.line - last <= 1 and self.quoted == other.quoted


def words(text: str) -> Iterator[Word]:
    """Words of ``text`` with their places; hyphens and underscores part words."""
    for match in _WORD.finditer(text):
        for part in _plain(match[0].lower().replace("’", "'")):
            yield Word(part, match.start(), match.end())


def _plain(word: str) -> tuple[str, ...]:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("n't"):
        return word[:-3], "not"
    head, _, tail = word.rpartition("'")
    return (head, _CONTRACTIONS[tail]) if head and tail in _CONTRACTIONS else (word,)


def sentences(submission: Submission) -> tuple[Sentence, ...]:
    """The sentences of the reply's prose and of its code's comments and docstrings, in order."""
    return _sentences(submission.text, submission.prose, submission.code, submission.code_line)


# Traps, red flags and claims are looked for in the same ones.
@lru_cache(maxsize=1)
def _sentences(
    text: str, prose: tuple[Passage, ...], code: str | None, code_line: int
) -> tuple[Sentence, ...]:
    lines = line_index(text)
    # What is searched of both together lies within what would be searched of each alone.
    said = _searched(_prose(text, prose, lines))
    remarked = _searched(_remarked(text, code or "", code_line - 1, lines))
    return tuple(_searched(sorted([*said, *remarked], key=lambda s: s.start)))


def _searched(found: Iterable[Sentence]) -> Iterator[Sentence]:
    length = 0
    for sentence in islice(found, _MAX_SENTENCES):
        length += len(sentence.text)
        if length > _MAX_SEARCHED:
            return
        yield sentence


def _prose(text: str, prose: tuple[Passage, ...], lines: LineIndex) -> Iterator[Sentence]:
    room = _MAX_READ
    for passage in prose:
        start = lines.start(passage.line)
        for block in _blocks(text, start, start + min(len(passage.text), room)):
            yield from _split(text, block, lines)
        room -= len(passage.text)
        if room <= 0:
            return


def _remarked(text: str, code: str, offset: int, lines: LineIndex) -> list[Sentence]:
    blocks = _remarks(text, code, offset, lines)
    found = [s for block in blocks for s in _split(text, block, lines)]
    return sorted(found, key=lambda s: s.start)


def in_context(said: Sequence[Sentence]) -> Iterator[tuple[Sentence, Sentence | None]]:
    """Each sentence with the one after it, which may still take it back."""
    return zip_longest(said, said[1:])


@dataclass(frozen=True)
class _Block:
    """A paragraph, list item, heading or comment."""

    start: int
    end: int
    quoted: bool


def _blocks(text: str, start: int, end: int) -> Iterator[_Block]:
    begin: int | None = None
    last = start
    quoted = False
    for match in _LINE.finditer(text, start, end):
        line = match[0].strip()
        quote = line.startswith(">")
        body = line.lstrip("> \t")
        opens = bool(_ITEM.match(body) or _HEADING.match(body) or _RULE.match(body))
        if begin is not None and (not body or opens or (quote and not quoted)):
            yield _Block(begin, last, quoted)
            begin = None
        if body and begin is None:
            begin, quoted = match.start(), quote
        last = match.end()
        if begin is not None and (_HEADING.match(body) or _RULE.match(body)):
            yield _Block(begin, last, quoted)
            begin = None
    if begin is not None:
        yield _Block(begin, end, quoted)


def _split(text: str, block: _Block, lines: LineIndex) -> Iterator[Sentence]:
    begin = block.start
    for match in _END.finditer(text, block.start, block.end):
        head = text[max(begin, match.start() - 12) : match.start() + 1]
        follows = _NEXT.match(text, match.end(), block.end)
        then = follows[1] if follows else ""
        dots = set(match[0]) <= set(".\"'”’)]*_`")
        if dots and (
            _ABBREVIATION.search(head)
            or then.islower()
            or (then.isdigit() and _NUMBERED.search(head))
        ):
            continue
        yield from _sentence(text, begin, match.end(), block.quoted, lines)
        begin = match.end()
    yield from _sentence(text, begin, block.end, block.quoted, lines)


def _sentence(
    text: str, begin: int, end: int, quoted: bool, lines: LineIndex
) -> Iterator[Sentence]:
    raw = text[begin:end]
    lead = re.match(r"[\s>#]*(?:(?:[-*+•]|\d{1,3}[.)])\s+)?", raw)
    begin += lead.end() if lead else 0
    raw = text[begin:end].rstrip()
    while len(raw) > _MAX_SENTENCE:
        cut = raw.rfind(" ", 1, _MAX_SENTENCE) + 1 or _MAX_SENTENCE
        piece = raw[:cut].rstrip()
        if re.search(r"\w", piece):
            yield Sentence(piece, begin, lines.line(begin), quoted)
        begin, raw = begin + cut, raw[cut:]
    if re.search(r"\w", raw):
        yield Sentence(raw, begin, lines.line(begin), quoted)


# --------------------------------------------------------------------------
# The agent's words inside its code


def _remarks(text: str, code: str, offset: int, lines: LineIndex) -> Iterator[_Block]:
    if len(code) > MAX_CHARACTERS:
        return  # nothing runs or reads it either
    run: tuple[int, int, int] | None = None
    for line, comment, alone in _comments(code):
        place = _find(text, lines, line + offset, comment)
        if place is None:
            continue
        if run and alone and line == run[2] + 1:
            run = (run[0], place + len(comment), line)
            continue
        if run:
            yield _Block(run[0], run[1], False)
        # A remark behind code is not continued by the comment on the next line.
        run = (place, place + len(comment), line if alone else -1)
    if run:
        yield _Block(run[0], run[1], False)
    for first, last in _docstrings(code):
        if first + offset <= len(lines):
            start, stop = lines.start(first + offset), lines.start(last + offset + 1)
            quote = re.compile(r"[rRuU]?(?:\"\"\"|'''|\"|')").search(text, start, stop)
            yield from _blocks(text, quote.end() if quote else start, stop)


def _find(text: str, lines: LineIndex, line: int, comment: str) -> int | None:
    place = text.rfind(comment, lines.start(line), lines.start(line + 1))
    return None if place < 0 else place


def _comments(code: str) -> Iterator[tuple[int, str, bool]]:
    """Line, words and whether it stands alone, of every comment."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string, token.line.lstrip().startswith("#")
    except (tokenize.TokenError, SyntaxError):
        # What was read before the fault still counts.
        return


def _docstrings(code: str) -> Iterator[tuple[int, int]]:
    try:
        tree = parse(code)
    except Unreadable:
        return
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            yield body[0].lineno, body[0].end_lineno or body[0].lineno
