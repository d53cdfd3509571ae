"""What a shell command does, as far as grading needs it: files it writes, Python it runs.

A small lexer, not a shell: quotes, here-documents, redirections and the operators between
commands. Substitutions are left as they stand; what cannot be read is an ordinary word.

Long because of the lexer, which nothing else needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

# Of a longer command the rest is not seen, and one of more parts is not taken apart at all; nobody
# should be able to keep the grader busy.
_MAX_COMMAND, _MAX_CALLS = 400_000, 200
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?(\w+))")
_REDIRECT = re.compile(r"(\d?|&)(>>?)(&\d|&?-|\|)?[ \t]*")
_OPERATOR = re.compile(r"&&|\|\||\|&|;;|[;&|\n(){}]")
_PYTHON = re.compile(r"(?:.*/)?python(?:\d[\d.]*)?$")
_PYTEST = re.compile(r"(?:.*/)?(?:pytest|py\.test)$")
# Words before a command that leave its meaning alone.
_KEYWORDS = frozenset({"if", "then", "do", "time", "else", "elif", "while", "until", "exec"})
_WRAPPERS = frozenset({"timeout", "nice", "env", "sudo", "nohup", "command", "stdbuf", "uv",
                       "poetry", "pipenv", "pdm", "rye", "hatch", "run"})  # fmt: skip
_WITH_VALUE = frozenset({"-W", "-X", "-m", "-c"})
_CHANGES_FILES = re.compile(
    r"(?:sed|perl)\b.* -\w*i|patch\b|git (?:apply|checkout|restore|stash|reset)\b|"
    r"(?:black|ruff format|ruff check --fix|mv|cp|rm)\b"
)


@dataclass
class Call:
    """One simple command of a line."""

    words: list[str] = field(default_factory=list)
    # What a here-document feeds it.
    stdin: str | None = None
    # Where its standard output goes, and whether that is added to a file.
    target: str | None = None
    appends: bool = False
    # Whether its errors are thrown away.
    discards_stderr: bool = False
    # What parts it from the next command.
    operator: str = ""


@dataclass(frozen=True)
class Written:
    """A file that a command writes out of its own text."""

    path: str
    content: str
    appends: bool


@dataclass(frozen=True)
class Changed:
    """A file tool whose effect cannot be replayed."""

    words: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class PythonRun:
    """A start of Python or of a test runner."""

    # ``inline`` code, a ``script`` or ``pytest``.
    mode: str
    # The code itself, for ``inline``.
    code: str
    # Files named on the command line.
    paths: tuple[str, ...]
    # Why it can prove nothing whatever it prints; empty where it can.
    void: str = ""
    # How much of a failure would show: ``status``, ``output`` or ``part`` of the output.
    shows: str = "status"
    # Expression of ``-k``.
    only: str = ""
    # Whether its status is that of the whole command.
    last: bool = True


def read(command: str) -> tuple[Written | Changed | PythonRun, ...]:
    """What the command writes and runs, in order."""
    calls = _parse(command[:_MAX_COMMAND])
    found: list[Written | Changed | PythonRun] = []
    strict = pipefail = False
    for index, call in enumerate(calls):
        words = _bare(call.words)
        strict |= words[:1] == ["set"] and any(re.match(r"-\w*e", w) for w in words)
        pipefail |= words[:1] == ["set"] and "pipefail" in words
        written = _written(words, call, calls[index + 1 : index + 2])
        if written is not None:
            found.append(written)
        elif words and _CHANGES_FILES.match(" ".join(words)):
            paths = tuple(w for w in words[1:] if w.endswith(".py"))
            if paths or words[0] in {"git", "patch"}:
                found.append(Changed(" ".join(words)[:60], paths))
        started = _started(words, call, calls[:index])
        if started is not None:
            unheard, shows = _heard(call, calls[index + 1 :], strict, pipefail)
            void, last = started.void or unheard, index == len(calls) - 1
            found.append(replace(started, void=void, shows=shows, last=last))
    return tuple(found)


def _bare(words: Sequence[str]) -> list[str]:
    """The words without keywords, assignments and wrappers in front of the program."""
    rest = list(words)
    while rest:
        wrapped = rest[0] in _WRAPPERS
        if not (wrapped or rest[0] in _KEYWORDS or re.match(r"\w+=", rest[0])):
            break
        rest.pop(0)
        while wrapped and rest and re.match(r"-|\d+[smh]?$", rest[0]):
            rest.pop(0)
    return rest


def _written(words: Sequence[str], call: Call, following: Sequence[Call]) -> Written | None:
    target, appends = call.target, call.appends
    if words[:1] == ["tee"] or (
        words[:1] == ["cat"] and call.operator == "|" and following[0].words[:1] == ["tee"]
    ):
        options = words if words[0] == "tee" else following[0].words
        target = next((w for w in options[1:] if not w.startswith("-")), None)
        appends = "-a" in options
    if target is None or words[:1] not in (["cat"], ["tee"], ["echo"], ["printf"]):
        return None
    if call.stdin is not None and words[0] in ("cat", "tee"):
        return Written(target, call.stdin, appends)
    if words[0] in ("echo", "printf"):
        return Written(target, " ".join(w for w in words[1:] if w != "-e") + "\n", appends)
    return None


def _started(words: Sequence[str], call: Call, before: Sequence[Call]) -> PythonRun | None:
    """What a call that starts Python runs, but for how much of a failure would show."""
    if not words:
        return None
    arguments = list(words[1:])
    if _PYTEST.match(words[0]):
        return _pytest(arguments)
    if not _PYTHON.match(words[0]):
        return None
    while arguments and arguments[0].startswith("-") and arguments[0] != "-":
        option = arguments.pop(0)
        if option == "-m" and arguments:
            if arguments[0] in ("pytest", "unittest"):
                return _pytest(arguments[1:])
            return PythonRun("script", "", (arguments[0].replace(".", "/") + ".py",))
        if option == "-c" and arguments:
            return PythonRun("inline", arguments[0], ())
        if option in _WITH_VALUE and arguments:
            arguments.pop(0)
        if option in ("--version", "-V", "--help", "-h"):
            return None
    if arguments and arguments[0] != "-":
        return PythonRun("script", "", (arguments[0],))
    stdin = call.stdin
    if stdin is None and before and before[-1].operator == "|":
        stdin = before[-1].stdin
    return None if stdin is None else PythonRun("inline", stdin, ())


def _pytest(arguments: Sequence[str]) -> PythonRun:
    paths, only, void = [], "", ""
    rest = iter(arguments)
    for word in rest:
        if word in ("-k", "--keyword"):
            only = next(rest, "")
        elif word.startswith("-k"):
            only = word[2:].lstrip("=")
        elif word in ("--collect-only", "--co", "--setup-plan", "--fixtures", "--version"):
            void = f"`{word}` runs no test"
        elif word in ("-m", "-p", "-c", "-n", "--rootdir", "-o", "--maxfail", "--tb"):
            next(rest, "")
        elif not word.startswith("-"):
            paths.append(word)
    return PythonRun("pytest", "", tuple(paths), void, only=only)


def _heard(call: Call, after: Sequence[Call], strict: bool, pipefail: bool) -> tuple[str, str]:
    """Why nobody would learn of a failure, and where else it would show."""
    shows, operator = "status", call.operator
    silent = call.discards_stderr or call.target is not None
    for index, following in enumerate(after):
        words = _bare(following.words)
        if operator == "||":
            if words[:1] in (["true"], [":"]):
                return "its result is ignored (`|| true`)", shows
            if not {"exit", "return", "false"} & {w for c in after[index:] for w in c.words}:
                shows = max(shows, "output", key=_SHOWS.index)
        elif operator in ("|", "|&") and not pipefail:
            whole = words[:1] in (["tail"], ["tee"], ["cat"]) and not silent
            shows = max(shows, "output" if whole else "part", key=_SHOWS.index)
        elif operator == "&":
            return "it was only started in the background", shows
        elif operator in (";", "\n") and not strict:
            shows = max(shows, "part" if silent else "output", key=_SHOWS.index)
        operator = following.operator
    if call.operator == "&" and not after:
        return "it was only started in the background", shows
    return "", shows


_SHOWS = ("status", "output", "part")


def _parse(command: str) -> list[Call]:
    calls = [call for call in _calls(command) if call.words or call.target or call.stdin]
    if len(calls) > _MAX_CALLS:
        return []
    if calls and calls[-1].operator != "&":
        calls[-1].operator = ""
    return calls


def _calls(text: str) -> Iterator[Call]:
    call, last, place = Call(), Call(), 0
    waiting: list[tuple[Call, str, bool]] = []
    while place < len(text):
        character = text[place]
        if text.startswith("\\\n", place):
            place += 2
        elif character in " \t\r":
            place += 1
        elif character == "#":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif (here := _HEREDOC.match(text, place)) and not text.startswith("<<<", place):
            waiting.append((call, here[2] or here[3] or here[4], bool(here[1])))
            place = here.end()
        elif redirect := _REDIRECT.match(text, place):
            place = redirect.end()
            if redirect[3] and redirect[3] != "|":
                continue
            target, place = _word(text, place)
            if redirect[1] in ("", "1", "&"):
                call.target, call.appends = target, redirect[2] == ">>"
            call.discards_stderr |= redirect[1] in ("2", "&")
        elif operator := _OPERATOR.match(text, place):
            place = operator.end()
            sign = ";" if operator[0] in (";;", "(", ")", "{", "}") else operator[0]
            if operator[0] == "\n":
                for waiter, mark, tabs in waiting:
                    waiter.stdin, place = _here(text, place, mark, tabs)
                waiting.clear()
            if call.words or call.target:
                call.operator = sign
                yield call
                call, last = Call(), call
            elif operator[0] in ("&&", "||", "|", "|&", "&"):
                # What follows a closing parenthesis is about the command before it.
                last.operator = sign
        else:
            begin = place
            word, place = _word(text, place)
            if word or text[begin] in "'\"":
                call.words.append(word)
    yield call


def _here(text: str, place: int, mark: str, tabs: bool) -> tuple[str, int]:
    """The body of a here-document that starts at ``place``, and where it ends."""
    body: list[str] = []
    while place < len(text):
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line = text[place:end]
        place = min(end + 1, len(text))
        line = line.lstrip("\t") if tabs else line
        if line.rstrip("\r") == mark:
            break
        body.append(line + "\n")
    return "".join(body), place


def _word(text: str, place: int) -> tuple[str, int]:
    """The word that starts at ``place``, without its quotes, and where it ends."""
    parts: list[str] = []
    start = place
    while place < len(text):
        character = text[place]
        if character == "'":
            end = text.find("'", place + 1)
            end = len(text) if end < 0 else end
            parts.append(text[place + 1 : end])
            place = end + 1
        elif character == '"':
            place += 1
            while place < len(text) and text[place] != '"':
                if text[place] == "\\" and text[place + 1 : place + 2] in ('"', "\\", "$", "`"):
                    place += 1
                parts.append(text[place])
                place += 1
            place += 1
        elif character == "\\":
            parts.append(text[place + 1 : place + 2])
            place += 2
        elif character in " \t\r\n;&|<>()":
            break
        else:
            parts.append(character)
            place += 1
    # One character at least, so that the lexer gets on.
    return "".join(parts), max(place, start + 1)
