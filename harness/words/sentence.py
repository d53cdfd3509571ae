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
from typing import NamedTuple

from harness.code.lines import LineIndex, line_index
from harness.code.nodes import walk
from harness.code.parsing import MAX_CHARACTERS, Unreadable, parse
from harness.model import Passage, Submission

# Characters and sentences beyond these are not searched, and a longer "sentence" is cut: matching
# costs words times phrasings, and nobody should be able to keep the grader busy.
_MAX_SEARCHED, _MAX_SENTENCES, _MAX_SENTENCE = 150_000, 4_000, 2_000
# Characters in which sentences are looked for: text without words has none, however long it is.
_MAX_READ = 500_000
_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+")
_ALONE = re.compile(r"#{1,6}\s|(?:[-*_=~]\s*){3,}$|\|.*\|$")
_HEADING = re.compile(r"#{1,6}\s")
_BOLD = re.compile(r"(\*\*|__)(?:(?!\1).)+\1[.:!?]?", re.S)
# What stands before the first word of a sentence: signs of Markdown, of comments, of lists.
_LEAD = re.compile(rf"[\s>#]*(?:{_ITEM.pattern})?")
# An HTML comment, which no reader of Markdown sees: to its end, or to that of the text where it
# begins a line and has none.
HIDDEN = re.compile(r"<!--.*?-->|^[ ]{0,3}<!--.*", re.S | re.M)
# From the start of a run of dots only: from each of its dots would cost the square of its length.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_`]*+(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘*_])(?:e\.g|i\.e|etc|vs|cf|approx|resp|dr|prof)\.$", re.I
)
# Abbreviations only before a number: "no. 3".
_NUMBERED = re.compile(r"(?:^|\s)(?:no|fig|eq)\.$", re.I)
_NEXT = re.compile(r"\s*[*_]*(\S?)")
_QUOTE_SIGNS = re.compile(r"[rRuU]?(?:\"\"\"|'''|\"|')")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.U)
# Ends of a contraction and the word each stands for; ``'d`` and ``'s`` stay open.
_CONTRACTIONS = {"re": "are", "ll": "will", "ve": "have", "m": "am", "d": "'d", "s": "'s"}
_NEGATED = {"won't": "will", "can't": "can", "cannot": "can", "shan't": "shall", "ain't": "is"}


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
    # Whether it is a heading, or wholly in bold: it names what the text around it is about.
    title: bool = False

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
        last = self.line + len(LineIndex(self.text)) - 1
        return other.start - end <= 8 and other.line - last <= 1 and self.quoted == other.quoted


def words(text: str) -> Iterator[Word]:
    """Words of ``text`` with their places; hyphens and underscores part words."""
    for match in _WORD.finditer(text):
        for part in _plain(match[0].lower().replace("’", "'")):
            yield Word(part, match.start(), match.end())


def _plain(word: str) -> tuple[str, ...]:
    if word in _NEGATED or word.endswith("n't"):
        return _NEGATED.get(word, word[:-3]), "not"
    head, _, tail = word.rpartition("'")
    return (head, _CONTRACTIONS[tail]) if head and tail in _CONTRACTIONS else (word,)


def sentences(submission: Submission) -> tuple[Sentence, ...]:
    """The sentences of the reply's prose and of its code's comments and docstrings, in order."""
    return _sentences(submission.text, submission.prose, submission.code, submission.code_line)


def in_context(said: Sequence[Sentence]) -> Iterator[tuple[Sentence, Sentence | None]]:
    """Each sentence with the one after it, which may still take it back."""
    return zip_longest(said, said[1:])


class _Block(NamedTuple):
    """A paragraph, list item, heading or comment: where it is and what it is."""

    start: int
    end: int
    quoted: bool = False
    heading: bool = False


# Traps, red flags and claims are looked for in the same ones.
@lru_cache(maxsize=1)
def _sentences(
    text: str, prose: tuple[Passage, ...], code: str | None, code_line: int
) -> tuple[Sentence, ...]:
    lines = line_index(text)
    # What is searched of both together lies within what would be searched of each alone.
    said = _searched(_split(text, lines, _paragraphs(text, lines, prose)))
    # Beyond this length nothing runs or reads the code either.
    code = code if code and len(code) <= MAX_CHARACTERS else ""
    remarks = [*_comments(text, lines, code, code_line), *_docstrings(text, lines, code, code_line)]
    remarked = _searched(_split(text, lines, sorted(remarks)))
    return tuple(_searched(sorted([*said, *remarked], key=lambda sentence: sentence.start)))


def _searched(found: Iterable[Sentence]) -> Iterator[Sentence]:
    length = 0
    for sentence in islice(found, _MAX_SENTENCES):
        length += len(sentence.text)
        if length > _MAX_SEARCHED:
            return
        yield sentence


def _split(text: str, lines: LineIndex, blocks: Iterable[_Block]) -> Iterator[Sentence]:
    for block in blocks:
        begin = block.start
        for end in (*_ends(text, block), block.end):
            lead = _LEAD.match(text, begin, end)
            begin = lead.end() if lead else begin
            while begin < end:
                stop = end
                if len(text[begin:end].rstrip()) > _MAX_SENTENCE:
                    space = text.rfind(" ", begin + 1, begin + _MAX_SENTENCE)
                    stop = space + 1 if space >= 0 else begin + _MAX_SENTENCE
                piece = text[begin:stop].rstrip()
                if _WORD.search(piece):
                    title = block.heading or bool(_BOLD.fullmatch(piece))
                    yield Sentence(piece, begin, lines.line(begin), block.quoted, title)
                begin = stop


def _ends(text: str, block: _Block) -> Iterator[int]:
    """Where the sentences of a block end, the last one left out."""
    begin = block.start
    for match in _END.finditer(text, block.start, block.end):
        head = text[max(begin, match.start() - 12) : match.start() + 1]
        follows = _NEXT.match(text, match.end(), block.end)
        then = follows[1] if follows else ""
        goes_on = not set(match[0]) & set("!?…") and (
            _ABBREVIATION.search(head)
            or then.islower()
            or (then.isdigit() and _NUMBERED.search(head))
        )
        if not goes_on:
            yield match.end()
            begin = match.end()


def _paragraphs(text: str, lines: LineIndex, prose: Iterable[Passage]) -> Iterator[_Block]:
    room = _MAX_READ
    for passage in prose:
        if room > 0:
            start = lines.start(passage.line)
            for begin, end in _shown(text, start, start + min(len(passage.text), room)):
                yield from _blocks(text, lines, begin, end)
        room -= len(passage.text)


def _shown(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts between ``start`` and ``end`` that are no comments."""
    for hidden in HIDDEN.finditer(text, start, end):
        yield start, hidden.start()
        start = hidden.end()
    yield start, end


def _blocks(text: str, lines: LineIndex, start: int, end: int) -> Iterator[_Block]:
    begin, quoted, is_open, place = start, False, False, start
    while place < end:
        after = min(end, lines.start(lines.line(place) + 1))
        line = text[place:after].strip()
        quote, body = line.startswith(">"), line.lstrip("> \t")
        alone = bool(_ALONE.match(body))
        if is_open and (not body or alone or _ITEM.match(body) or (quote and not quoted)):
            yield _Block(begin, place, quoted)
            is_open = False
        if body and not is_open:
            begin, quoted, is_open = place, quote, True
        if alone:
            yield _Block(begin, after, quoted, bool(_HEADING.match(body)))
            is_open = False
        place = after
    if is_open:
        yield _Block(begin, end, quoted)


def _comments(text: str, lines: LineIndex, code: str, code_line: int) -> Iterator[_Block]:
    """The comments of the code; those on lines of their own in a row are one block."""
    run: _Block | None = None
    # The line, from 1, on which the run would go on.
    next_line = 0
    for token in _tokens(code):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0] + code_line - 1
        # The code of an indented block stands further to the right in the text.
        place = text.rfind(token.string, lines.start(line), lines.start(line + 1))
        if place < 0:
            continue
        end = place + len(token.string)
        own_line = token.line.lstrip().startswith("#")
        if run and own_line and line == next_line:
            run = run._replace(end=end)
        else:
            if run:
                yield run
            run = _Block(place, end)
        next_line = line + 1 if own_line else 0
    if run:
        yield run


def _tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(code).readline)
    except (tokenize.TokenError, SyntaxError):
        return  # what was read before the fault still counts


def _docstrings(text: str, lines: LineIndex, code: str, code_line: int) -> Iterator[_Block]:
    try:
        tree = parse(code)
    except Unreadable:
        return
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in walk(tree):
        if not isinstance(node, kinds) or ast.get_docstring(node, clean=False) is None:
            continue
        first, last = node.body[0].lineno, node.body[0].end_lineno or node.body[0].lineno
        start, end = lines.start(first + code_line - 1), lines.start(last + code_line)
        quote = _QUOTE_SIGNS.search(text, start, end)
        yield from _blocks(text, lines, quote.end() if quote else start, end)
