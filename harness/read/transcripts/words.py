"""The words of a shell command: quotes, here-documents, redirections, operators.

What a shell would put something else for (variables, substitutions, patterns) stays as it stands
behind a mark, so that whoever uses a word knows that its text is not final.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Stands before whatever a shell would replace.
LIVE = "\0"
_HEREDOC = re.compile(r"(\d?)<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\?)([\w.-]+))")
_REDIRECT = re.compile(r"(\d?|&)(>>|>\||>|<<<|<>|<(?!\())(&\d|&-)?[ \t]*")
_OPERATOR = re.compile(r"&&|\|\||\|&|;;|[;&|\n()]")
_PLAIN = re.compile(r"[^\s'\"\\$`;&|<>()*?\[{\0]+")
_DOUBLE = re.compile(r"[^\"\\$`\0]+")
_VARIABLE = re.compile(r"\$(?:\w+|[?!#@*$-]|\{[^{}\n]*\})")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "e": "\33"}


@dataclass
class Token:
    """A word, an operator or a redirection."""

    # ``word``, ``operator``, ``redirect`` (``text`` is its sign) or ``here``.
    kind: str
    text: str
    # Of a redirection: the descriptor and the file; of a here-document: its body.
    descriptor: str = ""
    target: str = ""
    # Whether any of it was quoted, so that it is no keyword.
    quoted: bool = False


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a command; a here-document's body is complete at the next line's end."""
    place, waiting = 0, list[tuple[Token, str, bool, bool]]()
    begins = True
    while place < len(text):
        character = text[place]
        if text.startswith("\\\n", place):
            place += 2
        elif character in " \t\r":
            place, begins = place + 1, True
        elif character == "#" and begins:
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif begins and (here := _HEREDOC.match(text, place)):
            token = Token("here", "", here[1])
            quoted = bool(here[3] or here[4] or here[5])
            waiting.append((token, here[3] or here[4] or here[6], bool(here[2]), quoted))
            yield token
            place = here.end()
        elif redirect := (
            _REDIRECT.match(text, place) if begins or not character.isdigit() else None
        ):
            place = redirect.end()
            target = redirect[3] or ""
            if not target:
                target, place, _ = word(text, place)
            yield Token("redirect", redirect[2], redirect[1], target)
            begins = True
        elif operator := _OPERATOR.match(text, place):
            place, begins = operator.end(), True
            if operator[0] == "\n":
                for token, mark, tabs, quoted in waiting:
                    body, place = _here(text, place, mark, tabs)
                    token.target = body if quoted else _opened(body)
                waiting.clear()
            yield Token("operator", operator[0])
        else:
            found, after, quoted = word(text, place)
            if not found and not quoted:
                after = max(after, place + 1)
            else:
                yield Token("word", found, quoted=quoted)
            place, begins = after, False


def word(text: str, place: int) -> tuple[str, int, bool]:
    """The word that starts at ``place``, where it ends, and whether any of it was quoted."""
    parts: list[str] = []
    quoted = False
    while place < len(text):
        character = text[place]
        if run := _PLAIN.match(text, place):
            parts.append(run[0])
            place = run.end()
        elif character == "'":
            end = text.find("'", place + 1)
            end = len(text) if end < 0 else end
            parts.append(text[place + 1 : end].replace(LIVE, ""))
            place, quoted = end + 1, True
        elif character == '"':
            found, place = _double(text, place + 1)
            parts.append(found)
            quoted = True
        elif character == "\\":
            parts.append("" if text[place + 1 : place + 2] == "\n" else text[place + 1 : place + 2])
            place, quoted = place + 2, True
        elif text.startswith("$'", place):
            found, place = _ansi(text, place + 2)
            parts.append(found)
            quoted = True
        elif character in "$`" or text.startswith(("<(", ">("), place):
            found, place = _live(text, place)
            parts.append(found)
        elif character in "*?[{":
            # A brace is a pattern only where it lists something.
            lone = character == "{" and not re.match(
                r"\{[^\s{}]*(?:,|\.\.)", text[place : place + 200]
            )
            parts.append(character if lone else LIVE + character)
            place += 1
        elif character == LIVE:
            place += 1
        else:
            break
    return "".join(parts), place, quoted


def plain(text: str) -> bool:
    """Whether a word means what it says."""
    return LIVE not in text


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A word with the variables that are known put in."""
    if LIVE not in text or not variables:
        return text

    def value(found: re.Match[str]) -> str:
        return variables.get(found[1] or found[2], found[0])

    return re.sub(LIVE + r"\$(?:(\w+)|\{(\w+)\})", value, text)


def _double(text: str, place: int) -> tuple[str, int]:
    """What stands in double quotes that were opened before ``place``, and where they end."""
    parts: list[str] = []
    while place < len(text) and text[place] != '"':
        character = text[place]
        if run := _DOUBLE.match(text, place):
            parts.append(run[0])
            place = run.end()
        elif character == "\\":
            following = text[place + 1 : place + 2]
            kept = "" if following in ('"', "\\", "$", "`", "\n") else "\\"
            parts.append(kept + ("" if following == "\n" else following))
            place += 2
        elif character == LIVE:
            place += 1
        else:
            found, place = _live(text, place)
            parts.append(found)
    return "".join(parts), place + 1


def _live(text: str, place: int) -> tuple[str, int]:
    """A variable or substitution at ``place`` behind its mark, and where it ends."""
    if text.startswith(("$(", "<(", ">("), place):
        end = _closing(text, place + 2)
    elif text[place] == "`":
        end = text.find("`", place + 1)
        end = len(text) if end < 0 else end + 1
    elif found := _VARIABLE.match(text, place):
        end = found.end()
    else:
        # A dollar sign that stands for itself.
        return text[place], place + 1
    return LIVE + text[place:end].replace(LIVE, ""), end


def _closing(text: str, place: int) -> int:
    """Where a parenthesis that was opened before ``place`` is closed, quotes apart."""
    depth = 1
    for found in re.compile(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|[()]", re.S).finditer(text, place):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return len(text)


def _ansi(text: str, place: int) -> tuple[str, int]:
    parts: list[str] = []
    while place < len(text) and text[place] != "'":
        if text[place] == "\\":
            following = text[place + 1 : place + 2]
            parts.append(_ESCAPES.get(following, "\\" + following))
            place += 2
        else:
            end = re.compile(r"['\\]").search(text, place)
            stop = end.start() if end else len(text)
            parts.append(text[place:stop].replace(LIVE, ""))
            place = stop
    return "".join(parts), place + 1


def _opened(body: str) -> str:
    """The body of a here-document whose mark was not quoted: variables are live in it."""
    parts, place = list[str](), 0
    while place < len(body):
        character = body[place]
        if character == "\\":
            following = body[place + 1 : place + 2]
            kept = "" if following in ("\\", "$", "`", "\n") else "\\"
            parts.append(kept + ("" if following == "\n" else following))
            place += 2
        elif character in "$`":
            found, place = _live(body, place)
            parts.append(found)
        else:
            end = re.compile(r"[\\$`]").search(body, place)
            stop = end.start() if end else len(body)
            parts.append(body[place:stop].replace(LIVE, ""))
            place = stop
    return "".join(parts)


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


def unescaped(text: str) -> str:
    """What ``echo -e`` and ``printf`` print for the escapes in a text."""
    return re.sub(r"\\([ntr\\'\"ae])", lambda found: _ESCAPES[found[1]], text)
