"""What a shell command does, as far as grading needs it: files it changes, Python it runs.

A command is taken apart into what a shell would do one after the other, with functions, scripts
and ``bash -c`` put in where they are called. What became of one part is then worked out from the
exit status of the whole: ``false && python check.py; echo done`` never runs the check, and
``python check.py || true`` says nothing about it. Where a shell would put in something that is not
known here, the words are not plain, and what they name is not followed.

Long because the parser, the programs that are known and what becomes of them belong together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from harness.read.transcripts.words import (
    LIVE,
    Token,
    expanded,
    plain,
    tokens,
    unescaped,
)

# A longer command, or one of more or deeper parts, is not taken apart; nobody should be able to
# keep the grader busy.
MAX_COMMAND = 400_000
_MAX_TOKENS, _MAX_PARTS, _MAX_DEPTH, _MAX_VALUE = 20_000, 400, 20, 1_000
_PYTHON = re.compile(r"(?:.*/)?python(?:\d[\d.]*)?$")
_PYTEST = re.compile(r"(?:.*/)?(?:pytest|py\.test)$")
# Files that decide what a later ``python`` is or does before it comes to the code.
PYTHON_ITSELF = re.compile(
    r"(?:.*/)?(?:python[\d.]*|pytest|py\.test|(?:site|user)customize\.py|[\w-]+\.pth|\.?bash_?rc)$"
)
# Where an agent keeps what it tries.
SCRATCH = re.compile(r"(?<![\w.])(?:/private)?(?:/var)?/tmp/|/dev/shm/|\bmktemp\b")
# Programs by the whole path at which systems keep them.
_INSTALLED = re.compile(r"/(?:usr/)?(?:local/)?s?bin/([\w.+-]+)")
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|z|k)?sh$")
# Words before a command that leave its meaning alone; options after them that take a value.
_WRAPPERS = frozenset({"timeout", "nice", "env", "sudo", "nohup", "command", "builtin", "stdbuf",
                       "time", "exec", "uv", "poetry", "pipenv", "pdm", "rye", "hatch", "conda",
                       "mamba", "micromamba", "xvfb-run", "run"})  # fmt: skip
_WRAPPER_VALUES = frozenset({"-n", "--name", "-p", "--prefix", "--python", "--with", "-k", "-s",
                             "--project", "--extra", "--group", "-u"})  # fmt: skip
# Commands that do not fail where an agent uses them, unless the status says that something did.
_SUCCEED = frozenset({"cd", "mkdir", "touch", "cat", "echo", "printf", "tee", "export", "set",
                      "true", ":", "source", ".", "chmod", "sleep", "pwd", "date", "ls", "rm",
                      "cp", "mv", "local", "declare", "readonly", "unset", "shopt", "ulimit",
                      "head", "tail", "wc", "sort", "clear", "pushd", "popd", "alias",
                      "trap"})  # fmt: skip
# Commands that print nothing.
_QUIET = frozenset({"cd", "mkdir", "touch", "export", "set", "true", ":", "source", ".", "chmod",
                    "sleep", "unset", "shopt", "alias"})  # fmt: skip
_KEYWORDS = frozenset({"if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done",
                       "case", "esac", "{", "}", "function", "!", "in", "select"})  # fmt: skip
_ASSIGNMENT = re.compile(r"(\w+)\+?=(.*)", re.S)
_FORMATTERS = re.compile(
    r"(?:black|isort|autopep8|yapf|ruff (?:format|check))\b|"
    r"git (?:add|commit|push|status|diff|log|show|init|config|branch|fetch|remote|rev-parse|blame|"
    r"ls-files|tag|switch -c|checkout -[bB])\b|git reset(?! --(?:hard|merge|keep))"
)
_CHANGES_FILES = re.compile(
    r"(?:sed|perl)\b.* -\w*i|patch\b|dd\b|rsync\b|unzip\b|tar\b.* -?\w*x|curl\b.* -\w*[oO]|wget\b|"
    r"git (?:apply|checkout|restore|stash|reset|pull|merge|rebase|revert|cherry-pick|clean|am|mv|"
    r"switch|clone)\b|(?:truncate|install|ln|vim?|ed|ex|awk|jupyter|nbconvert|2to3|pyupgrade)\b"
)
# Words of a loop that are put in one by one.
_MAX_WORDS = 20
# Number of what belongs to no single part.
NOWHERE = -1
# What becomes of a part.
Mark = Literal["not", "ok", "fail", "started"]


@dataclass(frozen=True)
class Written:
    """A file that a command writes out of its own text."""

    path: str
    content: str
    appends: bool
    # Whether the content is known to the letter.
    sure: bool = True


@dataclass(frozen=True)
class Copied:
    """A file that is copied or moved."""

    source: str
    path: str
    moves: bool


@dataclass(frozen=True)
class Joined:
    """A file written from other files, one after the other."""

    sources: tuple[str, ...]
    path: str
    appends: bool


@dataclass(frozen=True)
class Removed:
    """Files that are taken away; ``path`` may be a pattern or a folder."""

    path: str


@dataclass(frozen=True)
class Substituted:
    """``sed -i``: its expressions and the files."""

    expressions: tuple[str, ...]
    extended: bool
    paths: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Patched:
    """A unified diff that is applied."""

    text: str
    words: str


@dataclass(frozen=True)
class Changed:
    """A change of files that cannot be replayed; of any file where ``paths`` is empty."""

    words: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Forged:
    """A change of what ``python`` or ``pytest`` is, after which no run is what it seems."""

    words: str


@dataclass(frozen=True)
class PythonRun:
    """A start of Python or of a test runner."""

    # ``inline`` code, a ``script``, ``pytest``, ``unittest`` or ``doctest``.
    mode: str
    # The code itself, for ``inline``.
    code: str
    # Files and folders named on the command line; a test's name may follow behind ``::``.
    paths: tuple[str, ...]
    # Why it can prove nothing whatever it prints; empty where it can.
    void: str = ""
    # Expression of ``-k``.
    only: str = ""
    # What ``sys.argv`` holds after the name.
    arguments: tuple[str, ...] = ()
    # Whether pytest tries the examples in docstrings, too.
    examples: bool = False


Action = Written | Copied | Joined | Removed | Substituted | Patched | Changed | Forged | PythonRun


@dataclass(frozen=True)
class Command:
    """What a command does, in order."""

    # Each with the number of its part.
    actions: tuple[tuple[int, Action], ...] = ()
    flow: Flow | None = None
    # Lines that stand in the command itself, so that their being printed shows nothing.
    own_lines: frozenset[str] = frozenset()
    # The file that all of its output is, and whether that is the file's text to its end.
    shows: str = ""
    # Whether its exit status is something that cannot be followed.
    untold: bool = False
    # How many parts it has.
    size: int = 1

    def became(self, part: int, passed: bool | None) -> frozenset[Mark]:
        """What may have become of a part, where the whole ``passed`` or did not."""
        everything: frozenset[Mark] = frozenset(("not", "ok", "fail"))
        if self.flow is None or part == NOWHERE:
            return everything
        # First as if nothing fails that usually does not.
        for easy in (True, False):
            ends = _ends(self.flow, frozenset({(True, "not", False)}), part, easy, False)
            if passed is None or self.untold:
                return frozenset(mark for _, mark, _ in ends)
            found = frozenset(mark for status, mark, _ in ends if status is passed)
            if found:
                return found
        return everything


class TooMuch(Exception):
    """A command of more parts than anybody types."""


def read(
    command: str,
    script: Callable[[str], str | None] = lambda path: None,
    room: int = MAX_COMMAND,
    files: Sequence[str] = (),
) -> Command:
    """What the command does; ``script`` gives the text of a shell script that is known.

    Patterns such as ``tests/*.py`` stand for those of ``files``, which are known, that they match.
    A command that is longer than ``room``, or is made of too many parts, changes anything.
    """
    try:
        if len(command) > min(room, MAX_COMMAND):
            raise TooMuch
        reading = _Reading(script, files)
        flow = reading.command(command)
    except TooMuch:
        return Command(((0, Changed("a command too long to follow", ())),))
    shown = reading.shown[0] if len(reading.shown) == 1 else ""
    return Command(
        tuple(reading.actions),
        flow,
        frozenset(reading.own_lines),
        shown,
        reading.untold,
        reading.parts,
    )


# --------------------------------------------------------------------------
# What becomes of the parts


@dataclass
class Flow:
    """A part of a command, or several with what stands between them."""

    kind: Literal["leaf", "list", "pipe", "sub", "call", "if", "loop", "maybe", "back"]
    parts: list[Flow] = field(default_factory=list)
    # Between the parts of a list: ``&&``, ``||`` or ``;`` behind each.
    signs: list[str] = field(default_factory=list)
    number: int = 0
    # Of a leaf: ``ok``, ``easy`` (it hardly ever fails), ``any``, ``fail``, ``leave`` with a
    # status that may be any, ``leave ok``, ``leave fail``.
    ends: str = "any"
    # ``set -e``, ``set -o pipefail``, ``!``; of a loop whether it runs at least once.
    strict: bool = False
    pipefail: bool = False
    negated: bool = False
    once: bool = False


# Whether the last command passed, what became of the part asked for, whether the shell has left.
_State = tuple[bool, Mark, bool]
_States = frozenset[_State]


def _ends(flow: Flow, states: _States, part: int, easy: bool, asked: bool) -> _States:
    """The states that ``states`` can become; ``asked`` where ``set -e`` does not look."""
    left = frozenset(state for state in states if state[2])
    states -= left
    if not states:
        return left
    match flow.kind:
        case "leaf":
            return left | _leaf(flow, states, part, easy, asked)
        case "list":
            for index, one in enumerate(flow.parts):
                sign = flow.signs[index - 1] if index else ";"
                runs = {"&&": True, "||": False}.get(sign)
                waiting = frozenset(s for s in states if not s[2] and runs in (None, s[0]))
                by_sign = flow.signs[index] in ("&&", "||")
                states = (states - waiting) | _ends(one, waiting, part, easy, asked or by_sign)
            return left | states
        case "pipe":
            found = {(mark, True) for _, mark, _ in states}
            for place, one in enumerate(flow.parts):
                last = place == len(flow.parts) - 1
                found = {
                    (after, (passed and status) if flow.pipefail else status or not last)
                    for mark, passed in found
                    for status, after, _ in _ends(
                        one, frozenset({(True, mark, False)}), part, easy, True
                    )
                }
            piped = frozenset((passed is not flow.negated, mark, False) for mark, passed in found)
            if flow.strict and not asked and not flow.negated:
                piped = frozenset((passed, mark, not passed) for passed, mark, _ in piped)
            return left | piped
        case "sub" | "call":
            inner = _ends(flow.parts[0], states, part, easy, asked)
            strict = flow.strict and not asked
            return left | frozenset((s, mark, strict and not s) for s, mark, _ in inner)
        case "if":
            found_states = frozenset[_State]()
            for condition, body in zip(flow.parts[::2], flow.parts[1::2], strict=False):
                tried = _ends(condition, states, part, easy, True)
                true = frozenset(s for s in tried if s[0] and not s[2])
                found_states |= frozenset(s for s in tried if s[2])
                found_states |= _ends(body, true, part, easy, asked)
                states = frozenset(s for s in tried if not s[0] and not s[2])
            if len(flow.parts) % 2:
                return left | found_states | _ends(flow.parts[-1], states, part, easy, asked)
            return left | found_states | frozenset((True, m, gone) for _, m, gone in states)
        case "loop":
            after = _ends(flow.parts[0], states, part, easy, asked)
            return left | after | (frozenset() if flow.once else states)
        case "maybe":
            every = [_ends(one, states, part, easy, asked) for one in flow.parts]
            return left | states.union(*every)
        case "back":
            inside = _ends(flow.parts[0], states, part, easy, True)
            before = {mark for _, mark, _ in states}
            return left | frozenset(
                (True, mark if mark in before else "started", False) for _, mark, _ in inside
            )
    raise AssertionError(flow.kind)


def _leaf(flow: Flow, states: _States, part: int, easy: bool, asked: bool) -> _States:
    passes = {"ok": (True,), "fail": (False,), "leave ok": (True,), "leave fail": (False,)}
    statuses = passes.get(flow.ends, (True,) if easy and flow.ends == "easy" else (True, False))
    leaves = flow.ends.startswith("leave")
    strict = flow.strict and not asked
    return frozenset(
        (
            status,
            mark if flow.number != part else ("ok" if status else "fail"),
            leaves or (strict and not status),
        )
        for _, mark, _ in states
        for status in statuses
    )


# --------------------------------------------------------------------------
# From tokens to what is done


@dataclass
class _Call:
    """One simple command."""

    words: list[str] = field(default_factory=list)
    # What is fed to it: a text, or a file.
    stdin: str | None = None
    reads: str = ""
    # Where its output goes.
    target: str = ""
    appends: bool = False

    def text(self) -> str:
        return " ".join(self.words).replace(LIVE, "")[:60]


class _Reading:
    """One command while it is taken apart; tokens are read and acted on in one go."""

    def __init__(self, script: Callable[[str], str | None], known: Sequence[str]) -> None:
        self.script = script
        self.known = known
        self.actions: list[tuple[int, Action]] = []
        self.own_lines: set[str] = set()
        self.shown: list[str] = []
        self.untold = False
        self.variables: dict[str, str] = {}
        self.functions: dict[str, list[Token]] = {}
        # Names of programs that are something else now, and the reason for all of them.
        self.odd: set[str] = set()
        self.strict = self.pipefail = False
        self.folder = ""
        self.parts = self.depth = 0
        self.all: list[Token] = []
        self.place = 0

    # ---- the grammar

    def command(self, text: str) -> Flow:
        """The flow of a whole text."""
        found: list[Token] = []
        for token in tokens(text):
            found.append(token)
            if len(found) > _MAX_TOKENS:
                raise TooMuch
        return self.over(found)

    def over(self, found: list[Token]) -> Flow:
        """The flow of a list of tokens."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise TooMuch
        outer = self.all, self.place
        self.all, self.place = found, 0
        flows = Flow("list")
        while self.place < len(self.all):
            one = self.listed(frozenset())
            flows.parts += one.parts
            flows.signs += one.signs
            # Whatever nothing began ends nothing.
            self.place += 1
        self.all, self.place = outer
        self.depth -= 1
        return flows

    def peek(self) -> Token | None:
        return self.all[self.place] if self.place < len(self.all) else None

    def at(self, *texts: str) -> bool:
        """Whether an operator or a keyword of these stands here."""
        token = self.peek()
        if token is None or token.text not in texts or token.quoted:
            return False
        return token.kind == "operator" or (token.kind == "word" and token.text in _KEYWORDS)

    def skip(self, *texts: str) -> bool:
        if self.at(*texts):
            self.place += 1
            return True
        return False

    def listed(self, until: frozenset[str]) -> Flow:
        """Commands up to a word of ``until`` or a closing parenthesis."""
        flow = Flow("list")
        while self.peek() is not None:
            while self.skip(";", "\n", "&"):
                pass
            if self.at(*until) or self.at(")", ";;") or self.peek() is None:
                break
            before = self.place
            one = self.pipeline()
            sign = ";"
            if self.at("&&", "||"):
                sign = self.all[self.place].text
                self.place += 1
                while self.skip("\n"):
                    pass
            elif self.at("&"):
                one = Flow("back", [one])
            flow.parts.append(one)
            flow.signs.append(sign)
            if self.place == before:
                break
        return flow

    def pipeline(self) -> Flow:
        negated = False
        while self.skip("!"):
            negated = not negated
        given: str | None = None
        flows = []
        while True:
            flow, given = self.one(given)
            flows.append(flow)
            if not self.skip("|", "|&"):
                break
            while self.skip("\n"):
                pass
        if len(flows) == 1 and not negated:
            return flows[0]
        subs = [Flow("sub", [flow]) for flow in flows]
        return Flow("pipe", subs, negated=negated, strict=self.strict, pipefail=self.pipefail)

    def one(self, given: str | None) -> tuple[Flow, str | None]:
        """A command, and the text that it prints, where that is known."""
        self.parts += 1
        self.depth += 1
        if self.parts > _MAX_PARTS or self.depth > _MAX_DEPTH:
            raise TooMuch
        flow = self.compound()
        printed = None
        if flow is None:
            flow, printed = self.simple(given)
        else:
            self.redirected()
        self.depth -= 1
        return flow, printed

    def redirected(self) -> None:
        """Where the output of a compound command goes: to a file, it is not known what."""
        while (token := self.peek()) is not None and token.kind in ("redirect", "here"):
            if token.kind == "redirect" and ">" in token.text and not token.target.startswith("&"):
                self.lost(token.target, "the output of several commands")
            self.place += 1

    def compound(self) -> Flow | None:
        if self.skip("("):
            body = self.apart(lambda: self.listed(frozenset()))
            self.skip(")")
            return Flow("sub", [body], strict=self.strict)
        if self.skip("{"):
            body = self.listed(frozenset({"}"}))
            self.skip("}")
            return body
        if self.skip("if"):
            return self.branches()
        if self.at("for", "while", "until", "select"):
            return self.loop()
        if self.skip("case"):
            return self.cases()
        return self.function()

    def apart(self, do: Callable[[], Flow]) -> Flow:
        """In a shell of its own: what is set there is forgotten afterwards."""
        kept = dict(self.variables), dict(self.functions), set(self.odd), self.folder
        settings = self.strict, self.pipefail
        flow = do()
        self.variables, self.functions, self.odd, self.folder = kept
        self.strict, self.pipefail = settings
        return flow

    def branches(self) -> Flow:
        flow = Flow("if")
        while True:
            flow.parts.append(self.listed(frozenset({"then"})))
            self.skip("then")
            flow.parts.append(self.listed(frozenset({"elif", "else", "fi"})))
            if not self.skip("elif"):
                break
        if self.skip("else"):
            flow.parts.append(self.listed(frozenset({"fi"})))
        self.skip("fi")
        return flow

    def loop(self) -> Flow:
        kind = self.all[self.place].text
        self.place += 1
        if kind in ("for", "select"):
            return self.over_words(kind == "for")
        condition = self.listed(frozenset({"do"}))
        self.skip("do")
        body = self.listed(frozenset({"done"}))
        self.skip("done")
        both = Flow("list", condition.parts + body.parts, condition.signs + body.signs)
        return Flow("loop", [both])

    def over_words(self, each: bool) -> Flow:
        """A ``for``: where its words are known, its body once for each of them."""
        name = self.peek()
        words: list[str] = []
        while not self.at("do") and self.peek() is not None:
            self.place += 1
            token = self.peek()
            if token is not None and token.kind == "word" and not self.at("do", "in"):
                words += self.matched(expanded(token.text, self.variables))
        self.skip("do")
        known = each and name is not None and 0 < len(words) <= _MAX_WORDS
        known = known and all(map(plain, words))
        flow, begin = Flow("list"), self.place
        for word in words if known else words[:1] or [""]:
            self.place = begin
            if name is not None:
                self.variables.pop(name.text, None)
                if known:
                    self.variables[name.text] = word
            body = self.listed(frozenset({"done"}))
            flow.parts += body.parts
            flow.signs += body.signs
        self.skip("done")
        return Flow("loop", [flow], once=known or (each and any(map(plain, words))))

    def cases(self) -> Flow:
        flow = Flow("maybe")
        while self.peek() is not None and not self.skip("esac"):
            while self.peek() is not None and not self.skip(")") and not self.at("esac"):
                self.place += 1
            flow.parts.append(self.listed(frozenset({"esac"})))
            self.skip(";;")
        return flow

    def function(self) -> Flow | None:
        """``name() { … }`` or ``function name { … }``: its tokens are kept until it is called."""
        start = self.place
        named = self.skip("function")
        name = self.peek()
        if name is None or name.kind != "word":
            self.place = start
            return None
        self.place += 1
        brackets = self.skip("(") and self.skip(")")
        if not (named or brackets):
            self.place = start
            return None
        while self.skip("\n"):
            pass
        begin, depth = self.place, 0
        while (token := self.peek()) is not None:
            if token.kind in ("word", "operator") and not token.quoted:
                depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token.text, 0)
            self.place += 1
            if depth <= 0:
                break
        self.functions[name.text] = self.all[begin : self.place]
        return Flow("leaf", ends="ok")

    # ---- simple commands

    def simple(self, given: str | None) -> tuple[Flow, str | None]:
        call = _Call(stdin=given)
        while (token := self.peek()) is not None and token.kind != "operator":
            self.place += 1
            text = expanded(token.text, self.variables)
            if token.kind == "word":
                call.words += self.matched(text) if call.words else [text]
            elif token.kind == "here":
                call.stdin = expanded(token.target, self.variables)
                self.own_lines.update(call.stdin.split("\n"))
            elif token.text == "<<<":
                call.stdin = expanded(token.target, self.variables) + "\n"
            elif token.text == "<":
                call.reads = expanded(token.target, self.variables)
            elif not token.target.startswith("&") and token.descriptor in ("", "1", "&"):
                call.target = expanded(token.target, self.variables)
                call.appends = token.text == ">>"
        if self.at("("):
            # An array, or what no shell takes.
            self.place += 1
            while self.peek() is not None and not self.skip(")"):
                self.place += 1
        return self.run(call)

    def run(self, call: _Call) -> tuple[Flow, str | None]:
        """What a simple command does."""
        leaf = Flow("leaf", number=self.parts, strict=self.strict)
        void, inner = self.assign(call)
        words = self.bare(call)
        if not words:
            if call.target:
                self.add(leaf, Written(self.located(call.target), "", call.appends))
            if inner is not None:
                return inner, None
            leaf.ends = "easy"
            return leaf, None
        name = words[0]
        if name in self.functions and self.depth < _MAX_DEPTH:
            body = self.functions[name]
            flow = self.over(body)
            if call.target:
                self.lost(call.target, call.text())
            return Flow("call", [flow], strict=self.strict), None
        if name in self.odd:
            self.note_odd(leaf, words)
            return leaf, None
        followed = self.inside(call, words)
        if followed is not None:
            if call.target:
                self.lost(call.target, call.text())
            return followed, None
        leaf.ends = "easy" if name in _SUCCEED else "any"
        self.settings(leaf, words)
        printed = self.prints(call, words)
        self.files(leaf, call, words, printed)
        if printed is not None:
            self.own_lines.update(printed.split("\n"))
        started = _started(words, call)
        if started is not None:
            paths = tuple(map(self.located, started.paths)) or (
                (self.folder,) if self.folder else ()
            )
            self.add(leaf, replace(started, void=started.void or void, paths=paths))
        self.shows(call, words)
        return leaf, printed

    def matched(self, word: str) -> list[str]:
        """The files that a pattern stands for; the word itself where none is known."""
        pattern = re.sub(LIVE + r"(?=[*?])", "", word)
        if pattern == word or not plain(pattern):
            return [word]
        size = pattern.count("/")
        found: dict[str, set[str]] = {}
        for path in self.known:
            short = "/".join(path.rsplit("/", size + 1)[-size - 1 :])
            if _matches(short, pattern.removeprefix("./")):
                found.setdefault(path[: -len(short)], set()).add(short)
        # Those of several folders are not told apart.
        return sorted(*found.values()) if len(found) == 1 else [word]

    def add(self, leaf: Flow, action: Action) -> None:
        self.actions.append((leaf.number, action))

    def lost(self, target: str, words: str) -> None:
        if target.endswith(".py") or not plain(target):
            path = (self.located(target),) if plain(target) else ()
            self.actions.append((NOWHERE, Changed(words, path)))

    def located(self, path: str) -> str:
        """``path`` as seen from where the command began."""
        if path.startswith(("/", "~", LIVE)) or not self.folder:
            return path
        return f"{self.folder}/{path}"

    def assign(self, call: _Call) -> tuple[str, Flow | None]:
        """Take the assignments off: why a run with them shows nothing, and what they run."""
        void, inner = "", None
        alone = all(_ASSIGNMENT.match(word) for word in call.words)
        while call.words:
            found = _ASSIGNMENT.fullmatch(call.words[0])
            if found is None:
                break
            call.words.pop(0)
            name, value = found[1], found[2]
            void = void or _odd_setting(name, value)
            if alone:
                if void:
                    self.odd |= {"python", "python3", "pytest"}
                self.variables.pop(name, None)
                if plain(value) and len(value) <= _MAX_VALUE:
                    self.variables[name] = value
                elif captured := re.fullmatch(LIVE + r"\$\((.*)\)", value, re.S):
                    text = captured[1]
                    inner = Flow("sub", [self.apart(lambda text=text: self.command(text))])  # type: ignore[misc]
        return void, inner

    def bare(self, call: _Call) -> list[str]:
        """The words without wrappers in front of the program."""
        words = list(call.words)
        while words and words[0].rsplit("/", 1)[-1] in _WRAPPERS and words[0] not in self.functions:
            wrapper = words.pop(0)
            if wrapper == "command" and words and re.fullmatch(r"-\w*[vV]\w*", words[0]):
                # Only asks where a program is.
                return ["type", *words[1:]]
            while words and re.match(r"-|\d+(?:\.\d+)?[smh]?$|\w+=", words[0]):
                option = words.pop(0)
                if option in ("-m", "-c") and wrapper not in ("nice", "env"):
                    words.insert(0, option)
                    words.insert(0, "python")
                    break
                if option in _WRAPPER_VALUES and wrapper != "nohup" and words:
                    words.pop(0)
        if words[:2] == ["coverage", "run"]:
            words[:2] = ["python"]
        if words and (installed := _INSTALLED.fullmatch(words[0])):
            words[0] = installed[1]
        while len(words) > 1 and words[0] == "git" and words[1].startswith("-"):
            del words[1 : 3 if words[1] in ("-C", "-c") else 2]
        return words

    def note_odd(self, leaf: Flow, words: Sequence[str]) -> None:
        void = f"what `{words[0]}` is at that place is not known"
        started = _started(words, _Call())
        self.add(leaf, replace(started or PythonRun("inline", "", ()), void=void))

    def inside(self, call: _Call, words: Sequence[str]) -> Flow | None:
        """The flow of a command that runs other commands, where these are known."""
        name = words[0]
        if name == "eval":
            text = " ".join(words[1:])
            if plain(text):
                return self.command(text)
            if not re.match(
                LIVE + r"\$\(\s*(?:\S*/)?(?:conda|mamba|micromamba|pyenv|direnv|brew|ssh-agent)",
                text,
            ):
                self.odd |= {"python", "python3", "pytest"}
            return None
        if name in ("source", ".") and len(words) > 1:
            known = self.script(words[1])
            return None if known is None else self.command(known)
        if _SHELL.match(name):
            options = [w for w in words[1:] if w.startswith("-") and w != "-"]
            rest = [w for w in words[1:] if not w.startswith("-")]
            flagged = "".join(o for o in options if not o.startswith("--"))
            if "n" in flagged:
                # Reads the commands and runs none.
                return None
            inner = self.script(rest[0]) if rest else call.stdin
            if "c" in flagged:
                inner = rest[0] if rest and plain(rest[0]) else None
            return None if inner is None else self.in_new_shell(inner, "e" in flagged)
        if name == "xargs" and call.stdin is not None and plain(call.stdin):
            return self.for_each(list(words[1:]), call.stdin.split())
        if "/" in name and not name.endswith(".py"):
            known = self.script(name)
            if known is not None and "python" not in known.split("\n", 1)[0]:
                return self.in_new_shell(known, False)
        return None

    def for_each(self, words: list[str], given: list[str]) -> Flow | None:
        """``xargs``: a command for all that it is given, or for each one."""
        one_by_one, place = False, ""
        while words and words[0].startswith("-"):
            option = words.pop(0)
            if option in ("-I", "-i") and words:
                place, one_by_one = words.pop(0), True
            elif option in ("-n", "-L", "-P") and words:
                one_by_one |= words.pop(0) == "1" and option != "-P"
            elif not re.fullmatch(r"-[0rt]|-[nLP]\d+|--no-run-if-empty", option):
                return None
            one_by_one |= option in ("-n1", "-L1")
        groups = [[one] for one in given] if one_by_one else [given]
        flow = Flow("list")
        for group in groups[:_MAX_WORDS] if given and words else []:
            self.parts += 1
            if place:
                called = [word.replace(place, group[0]) for word in words]
            else:
                called = [*words, *group]
            flow.parts.append(self.run(_Call(words=called))[0])
            flow.signs.append("&&")
        return flow if flow.parts and len(groups) <= _MAX_WORDS else None

    def in_new_shell(self, text: str, strict: bool) -> Flow:
        def read() -> Flow:
            self.functions, self.variables = {}, {}
            self.strict, self.pipefail = strict, False
            return self.command(text)

        return Flow("sub", [self.apart(read)], strict=self.strict)

    def settings(self, leaf: Flow, words: Sequence[str]) -> None:
        """Commands that change what later ones mean."""
        name, rest = words[0], words[1:]
        match name:
            case "false":
                leaf.ends = "fail"
            case "true" | ":" | "echo" | "printf":
                leaf.ends = "ok"
            case "exit" | "return":
                known = {"0": "leave ok"}.get(rest[0], "leave fail") if rest else "leave"
                leaf.ends = known if not rest or rest[0].isdigit() else "leave"
            case "set":
                flags = [w for w in rest if re.match(r"[-+]\w", w)]
                for flag in flags:
                    self.strict = flag[0] == "-" if "e" in flag else self.strict
                if "pipefail" in rest:
                    self.pipefail = not any(flag.startswith("+") for flag in flags)
                if "errexit" in rest:
                    self.strict = not any(flag.startswith("+") for flag in flags)
            case "export" | "declare" | "local" | "readonly" | "typeset":
                for word in rest:
                    found = _ASSIGNMENT.fullmatch(word)
                    if found is None:
                        continue
                    if _odd_setting(found[1], found[2]):
                        self.odd |= {"python", "python3", "pytest"}
                    if plain(found[2]) and len(found[2]) <= _MAX_VALUE:
                        self.variables[found[1]] = found[2]
            case "alias" | "hash" | "enable":
                self.odd |= {word.split("=")[0] for word in rest}
                self.odd |= set(rest)
            case "unset" | "unalias":
                for word in rest:
                    self.variables.pop(word, None)
            case "cd" | "pushd" if rest and plain(rest[-1]):
                self.folder = self.located(rest[-1])
            case "trap":
                self.untold = True

    def prints(self, call: _Call, words: Sequence[str]) -> str | None:
        """What a command prints that prints its own words."""
        match words[0]:
            case "echo":
                rest, escapes, end = list(words[1:]), False, "\n"
                while rest and re.fullmatch(r"-[neE]+", rest[0]):
                    escapes, end = escapes or "e" in rest[0], "" if "n" in rest[0] else end
                    rest.pop(0)
                text = " ".join(rest)
                return (unescaped(text) if escapes else text) + end
            case "printf" if len(words) > 1:
                rest = list(words[2:])
                text = re.sub(r"%[sdi]", lambda _: rest.pop(0) if rest else "", unescaped(words[1]))
                return text.replace("%%", "%") if not re.search(r"(?<!%)%[^%]", text) else LIVE
            case "ls" | "find":
                return self.listed_files(words)
            case "cat" | "tee" if call.stdin is not None and all(
                w.startswith("-") or words[0] == "tee" for w in words[1:]
            ):
                return call.stdin
        return None

    def listed_files(self, words: Sequence[str]) -> str | None:
        """The files that a command lists, where they are known."""
        rest = [word for word in words[1:] if word not in ("-1", "-type", "f")]
        if words[0] == "find":
            if len(rest) != 3 or rest[1] != "-name":
                return None
            folder, _, pattern = rest
            inside = "" if folder == "." else folder.strip("./") + "/"
            rest = [
                p for p in self.known if inside in p and _matches(p.rsplit("/", 1)[-1], pattern)
            ]
        ends = all(any(k == w or k.endswith("/" + w) for k in self.known) for w in rest)
        return "\n".join([*rest, ""]) if rest and ends else None

    def files(self, leaf: Flow, call: _Call, words: Sequence[str], printed: str | None) -> None:
        """The files that a command changes."""
        target, appends = call.target, call.appends
        targets = [target] if target else []
        if words[0] == "tee":
            targets += [w for w in words[1:] if not w.startswith("-")]
            appends |= any(w.startswith("-") and "a" in w for w in words[1:])
        name, rest = words[0], [w for w in words[1:] if not w.startswith("-")]
        for path in targets:
            self.note_python(leaf, path, call)
            located = self.located(path)
            if not plain(path):
                self.add(leaf, Changed(call.text(), ()))
            elif printed is not None:
                self.add(leaf, Written(located, printed, appends, plain(printed)))
            elif name == "cat" and rest and all(map(plain, rest)):
                sources = tuple(map(self.located, rest))
                self.add(leaf, Joined(sources, located, appends))
            elif path.endswith(".py"):
                self.add(leaf, Changed(call.text(), (located,)))
        text = " ".join(words)
        if name in ("cp", "mv", "ln", "install") and len(rest) > 1:
            self.copied(leaf, call, name, rest)
        elif name in ("rm", "unlink") or words[:2] == ["git", "rm"]:
            for path in rest if name != "git" else rest[1:]:
                path = path.replace(LIVE, "")
                self.add(leaf, Removed(self.located(path)))
        elif name == "sed" and any(re.match(r"-\w*i|--in-place", w) for w in words[1:]):
            self.add(leaf, self.substituted(words, call))
        elif name == "patch" or words[:2] == ["git", "apply"]:
            diff = call.stdin
            if diff is not None and plain(diff):
                self.add(leaf, Patched(diff, call.text()))
            else:
                self.add(leaf, Changed(call.text(), ()))
        elif name in ("xargs", "find", "parallel") and _changes_what_it_finds(words):
            self.add(leaf, Changed(call.text(), ()))
        elif _CHANGES_FILES.match(text) and not _FORMATTERS.match(text):
            paths = tuple(self.located(w) for w in rest if w.endswith(".py") and plain(w))
            everything = name in ("git", "unzip", "tar", "rsync")
            live = any(not plain(w) and "py" in w for w in rest)
            if paths or live or (everything and words[:2] != ["git", "clone"]):
                self.add(leaf, Changed(call.text(), () if live else paths))

    def copied(self, leaf: Flow, call: _Call, name: str, rest: Sequence[str]) -> None:
        *sources, goal = rest
        for source in sources:
            base = source.rsplit("/", 1)[-1]
            into = goal.endswith(("/", ".")) or len(sources) > 1
            path = f"{goal.rstrip('/')}/{base}" if into or not re.search(r"\.\w+$", goal) else goal
            self.note_python(leaf, goal if not into else path, call)
            if not (plain(source) and plain(goal)):
                self.add(leaf, Changed(call.text(), ()))
            elif name == "ln" or name == "install":
                self.add(leaf, Changed(call.text(), (self.located(path),)))
            else:
                self.add(leaf, Copied(self.located(source), self.located(path), moves=name == "mv"))

    def note_python(self, leaf: Flow, path: str, call: _Call) -> None:
        if PYTHON_ITSELF.match(path.replace(LIVE, "")):
            self.add(leaf, Forged(call.text()))

    def substituted(self, words: Sequence[str], call: _Call) -> Action:
        expressions: list[str] = []
        rest: list[str] = []
        extended, explicit = False, False
        waiting = list(words[1:])
        while waiting:
            word = waiting.pop(0)
            if word in ("-e", "--expression") and waiting:
                expressions.append(waiting.pop(0))
                explicit = True
            elif word.startswith("-") and len(word) > 1:
                extended |= bool(re.match(r"-\w*[Er]|--regexp-extended", word.split("=")[0]))
                if re.match(r"-\w*(?:f|n)$", word) or word.startswith("--file"):
                    return Changed(call.text(), tuple(w for w in waiting if w.endswith(".py")))
            elif word:
                rest.append(word)
        if not explicit and rest:
            expressions.append(rest.pop(0))
        paths = tuple(self.located(w) for w in rest)
        if not all(map(plain, [*expressions, *paths])) or not paths:
            known = tuple(path for path in paths if plain(path))
            return Changed(call.text(), known if len(known) == len(paths) else ())
        return Substituted(tuple(expressions), extended, paths, call.text())

    def shows(self, call: _Call, words: Sequence[str]) -> None:
        """Take note of what is printed: one whole file, or something else."""
        if words[0] in _QUIET or (call.target and words[0] != "tee"):
            return
        rest = [w for w in words[1:] if not w.startswith("-")]
        whole = (words[0] == "cat" and len(rest) == 1) or (
            words[0] == "sed" and "-n" in words and len(rest) == 2
            and re.fullmatch(r"1,(?:\d{3,}|\$)p", rest[0].replace(LIVE, ""))
        )  # fmt: skip
        numbers = (
            "#" if any(w in ("-n", "-b", "-A") for w in words[1:]) and words[0] == "cat" else ""
        )
        self.shown.append(numbers + self.located(rest[-1]) if whole and plain(rest[-1]) else "")


def _matches(name: str, pattern: str) -> bool:
    """Whether a pattern of the shell stands for a name, part by part."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _changes_what_it_finds(words: Sequence[str]) -> bool:
    """Whether a command runs one that may change Python files which it finds by itself."""
    starts = [n for n, w in enumerate(words) if w in ("-exec", "-execdir", "-ok", "-okdir")]
    inner = words[starts[0] + 1 :] if starts else words[1:]
    if words[0] != "find":
        while inner and inner[0].startswith("-"):
            inner = inner[2 if re.fullmatch(r"-[nPIdLs]", inner[0]) else 1 :]
    elif not starts:
        return "-delete" in words and any(".py" in w and ".pyc" not in w for w in words)
    if not inner:
        return False
    name = inner[0].rsplit("/", 1)[-1]
    if _SHELL.match(name) or name in ("mv", "cp", "tee"):
        return True
    if name in ("rm", "unlink"):
        return any(".py" in w and ".pyc" not in w for w in words)
    text = " ".join([name, *inner[1:]])
    return bool(_CHANGES_FILES.match(text)) and not _FORMATTERS.match(text)


def _odd_setting(name: str, value: str) -> str:
    """Why Python runs under a variable are not what they seem; empty where they are."""
    if name == "PYTHONOPTIMIZE" and value not in ("", "0"):
        return f"`{name}` takes the assertions away"
    if name in ("PYTHONSTARTUP", "BASH_ENV", "LD_PRELOAD", "PYTEST_PLUGINS", "PYTHONHOME"):
        return f"`{name}` may change what is run"
    if name == "PYTHONPATH" and SCRATCH.search(value.replace(LIVE, "")):
        return f"`{name}` may name another file"
    if name == "PYTEST_ADDOPTS":
        return f"`{name}` may leave tests out"
    if name == "PATH":
        first = value.replace(LIVE, "").split(":")[0]
        if not re.search(
            r"venv|/env/|conda|\.local/bin|^/(?:usr|opt|bin|sbin)\b|\.cargo|^\$PATH|pyenv", first
        ):
            return f"`{name}` may name another Python"
    return ""


def _started(words: Sequence[str], call: _Call) -> PythonRun | None:
    """What a call that starts Python runs."""
    arguments = list(words[1:])
    if _PYTEST.match(words[0]):
        return _pytest(arguments)
    if words[0].endswith(".py") and "/" in words[0]:
        return PythonRun("script", "", (words[0],), arguments=tuple(arguments))
    if not _PYTHON.match(words[0]):
        return None
    void = ""
    while arguments and arguments[0].startswith("-") and arguments[0] != "-":
        option = arguments.pop(0)
        if option in ("--version", "-V", "-VV", "--help", "-h"):
            return None
        if re.match(r"-[a-zA-Z]*O", option):
            void = "`-O` takes the assertions away"
        if re.fullmatch(r"-[a-zA-Z]*m", option) and arguments:
            return _module(arguments, void)
        if re.fullmatch(r"-[a-zA-Z]*c", option) and arguments:
            code = arguments.pop(0)
            return PythonRun("inline", code, (), void or _live_code(code), "", tuple(arguments))
        if option in ("-W", "-X", "--check-hash-based-pycs") and arguments:
            arguments.pop(0)
    if arguments and arguments[0] != "-":
        path = arguments.pop(0)
        return PythonRun("script", "", (path,), void, "", tuple(arguments))
    if call.stdin is None and call.reads:
        return PythonRun("script", "", (call.reads,), void)
    if call.stdin is None:
        return None
    return PythonRun(
        "inline", call.stdin, (), void or _live_code(call.stdin), "", tuple(arguments[1:])
    )


def _live_code(code: str) -> str:
    return "" if plain(code) else "the shell put something into its code that is not known"


def _module(arguments: list[str], void: str) -> PythonRun | None:
    name = arguments.pop(0)
    if name == "coverage" and arguments[:1] == ["run"]:
        return _started(["python", *arguments[1:]], _Call())
    if name in ("pytest", "unittest"):
        found = _pytest(arguments) if name == "pytest" else _unittest(arguments)
        return replace(found, void=found.void or void)
    if name in ("pip", "venv", "black", "ruff", "mypy", "flake8", "py_compile", "compileall"):
        return None
    if name == "doctest":
        files = tuple(word for word in arguments if not word.startswith("-"))
        return PythonRun("doctest", "", files[:1], void)
    path = name.replace(".", "/") + ".py"
    return PythonRun("script", "", (path,), void, "", tuple(arguments))


def _unittest(arguments: Sequence[str]) -> PythonRun:
    paths = []
    rest = iter(arguments)
    only = ""
    for word in rest:
        if word == "-k":
            only = next(rest, "")
        elif word in ("-s", "-p", "-t"):
            next(rest, "")
        elif not word.startswith("-") and word != "discover":
            module = re.match(r"[a-z_0-9./]+", word)
            stem = (module[0] if module else word).rstrip(".").removesuffix(".py")
            cases = word[len(module[0]) :] if module else ""
            path = stem.replace(".", "/") if "/" not in stem else stem
            paths.append(path + ".py" + ("::" + cases.replace(".", "::") if cases else ""))
    return PythonRun("unittest", "", tuple(paths), "", only)


def _pytest(arguments: Sequence[str]) -> PythonRun:
    paths, only, void = [], "", ""
    rest = iter(arguments)
    examples = False
    for word in rest:
        if word == "--doctest-modules":
            examples = True
        elif word in ("-k", "--keyword"):
            only = next(rest, "")
        elif joined := re.match(r"-[qvsxl]*k(.*)", word):
            only = joined[1].lstrip("=") or next(rest, "")
        elif word in ("--collect-only", "--co", "--setup-plan", "--setup-only", "--fixtures",
                      "--fixtures-per-test", "--markers", "--cache-show", "--version", "--help",
                      "-V", "-VV", "-h"):  # fmt: skip
            void = f"`{word}` runs no test"
        elif re.match(r"-[qvsxl]*m", word) or word.startswith(
            ("--deselect", "--ignore", "--lf", "--last-failed")
        ):
            if word in ("--deselect", "--ignore") or re.fullmatch(r"-[qvsxl]*m", word):
                next(rest, "")
            void = f"which tests `{word}` leaves is not known"
        elif word in ("-p", "-c", "-n", "--rootdir", "-o", "--maxfail", "--tb", "-W", "--durations",
                      "--timeout", "--color", "--confcutdir"):  # fmt: skip
            next(rest, "")
        elif not word.startswith("-"):
            paths.append(word)
    return PythonRun("pytest", "", tuple(paths), void, only=only, examples=examples)


def unchosen(run: PythonRun, path: str, names: Sequence[str]) -> Iterator[str]:
    """Those of the tests ``names`` in the file ``path`` that a run leaves out."""
    nodes = [p.split("::", 1)[1].split("[")[0] for p in run.paths if "::" in p]
    for name in names:
        chosen = not nodes or any(
            name == node or name.startswith(node + "::") or node.startswith(name + "::")
            for node in nodes
        )
        if not chosen or not _selected(f"{path}::{name}", run.only):
            yield name


def _selected(name: str, only: str) -> bool:
    """Whether ``-k`` selects a test, for words joined by ``or``, ``and`` and ``not``."""
    if not only:
        return True
    for option in re.split(r"\bor\b", only):
        terms = re.findall(r"(not\s+)?([^\s()]+)", re.sub(r"\band\b", " ", option))
        if terms and all((word.lower() in name.lower()) != bool(no) for no, word in terms):
            return True
    return False
