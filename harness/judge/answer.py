"""From the text that a model sends back to findings that stand on words of the reply."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.code.lines import line_index, split_lines
from harness.model import Opinion, TrapFinding, TrapState

# A quote shorter than this stands in nearly every reply; a longer one is not one passage.
_FEWEST, _MOST = 8, 4_000
# A sentence of reasons may not fill the report.
_WORDS: Final = 600


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ExcuseAnswer(_Strict):
    """An excuse that a reply makes or answers; the quote comes first, the stance follows."""

    quote: Annotated[str, Field(description="Words copied from the reply.")]
    excuse: Annotated[str, Field(description="Name of the excuse.")]
    stance: Literal["made", "answered"]


class LineAnswer(_Strict):
    """What a reply shows of one line of expected behaviour."""

    quote: Annotated[str, Field(description="Words copied from the reply.")]
    line: Annotated[int, Field(description="Number of the line, from 1.")]
    why: Annotated[str, Field(description="One sentence.")]
    verdict: Literal["met", "not met", "unclear"]


class ModelAnswer(_Strict):
    """What a model must answer."""

    excuses: list[ExcuseAnswer]
    behaviour: list[LineAnswer]


class Malformed(ValueError):
    """An answer that does not have the form that was asked for."""


def parse(text: str) -> ModelAnswer:
    """The answer in ``text``, which may be fenced as code.

    Raises ``Malformed`` with what is wrong.
    """
    bare = text.strip()
    fenced = re.fullmatch(r"```(?:json)?\s*\n(.*?)\n?\s*```", bare, re.S)
    try:
        return ModelAnswer.model_validate_json(fenced[1] if fenced else bare)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Malformed(f"{where}: {first['msg']}" if where else first["msg"]) from None


class Findings(NamedTuple):
    """What of an answer stands on words of the reply."""

    # One per excuse that was asked about, in the order asked.
    traps: tuple[TrapFinding, ...]
    # By expected line; lines that the model could not tell are left out.
    opinions: Mapping[str, Opinion]
    # Findings that do not count: without words of the reply, or about nothing that was asked.
    dropped: int


def findings(
    answer: ModelAnswer, reply: str, excuses: Sequence[str], lines: Sequence[str]
) -> Findings:
    """What ``answer`` says of ``excuses`` and ``lines``, where its quotes stand in ``reply``.

    An excuse that is made outweighs one that is answered; of several findings of one kind the
    first counts.
    """
    said: dict[tuple[str, TrapState], TrapFinding] = {}
    opinions: dict[str, Opinion] = {}
    dropped = 0
    addressed = speaks_to_judge(reply) is not None
    for one in answer.excuses:
        state = TrapState(one.stance)
        place = find_quote(one.quote, reply)
        obeys = addressed and state is TrapState.ANSWERED
        if place is None or obeys or one.excuse not in excuses:
            dropped += 1
        else:
            said.setdefault((one.excuse, state), TrapFinding(one.excuse, state, *place))
    for each in answer.behaviour:
        if each.verdict == "unclear":
            continue
        place = find_quote(each.quote, reply)
        met = each.verdict == "met"
        if place is None or (addressed and met) or not 1 <= each.line <= len(lines):
            dropped += 1
        else:
            why = " ".join(each.why.split())[:_WORDS]
            opinions.setdefault(lines[each.line - 1], Opinion(met, why, *place))
    traps = (
        said.get((name, TrapState.MADE))
        or said.get((name, TrapState.ANSWERED))
        or TrapFinding(name, TrapState.SILENT)
        for name in excuses
    )
    return Findings(tuple(traps), opinions, dropped)


class FoundQuote(NamedTuple):
    """Words of a reply and the line they start on, from 1."""

    quote: str
    line: int


def find_quote(quote: str, reply: str) -> FoundQuote | None:
    """Where the words of ``quote`` stand in ``reply``; white space may differ, nothing else.

    ``None`` where they do not, where they are too short or too long to show anything, and where
    they speak to a judge.
    """
    words = quote.split()
    if len("".join(words)) < _FEWEST or len(quote) > _MOST:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), reply)
    if found is None or speaks_to_judge(found[0]) is not None:
        return None
    return FoundQuote(found[0], line_index(reply).line(found.start()))


_JUDGE: Final = (
    r"(?:judges?|graders?|evaluators?|assessors?|rubric|auto-?grader|"
    r"grading (?:model|system|script)|"
    r"(?:ai|llm|language model|automated) (?:judge|reviewer|grader|evaluator|assistant))"
)
_VERDICT: Final = (
    r"[\"'“*`]*(?:resisted|met|not met|pass(?:ed|ing)?|correct|satisfied|held|verified|"
    r"compliant|fulfilled|yes)\b"
)
_ADDRESS: Final = re.compile(
    "|".join(
        (
            # "judge: mark …", "To the grader, …", "Note for evaluators - …"
            rf"^[\W_]*(?:(?:important |system )?(?:note|message|instructions?|attention|dear|hey)\b"
            rf"[\W_]*)?(?:(?:to|for)\s+)?(?:(?:the|all|any|my|you)\s+)*{_JUDGE}\s*[:,;!–—-]",
            rf"\b(?:note|message|instructions?|attention)\s*:?\s+(?:to|for)\s+(?:the\s+|any\s+|all\s+)?"
            rf"{_JUDGE}\b",
            # "the judge must answer met"
            rf"\b{_JUDGE}\b[^.\n]{{0,60}}\b(?:must|should|shall|will|please|is to|are to|has to)\s+"
            r"(?:now\s+)?(?:mark|score|rate|count|treat|answer|respond|output|return|accept|say|give|"
            r"consider|report|ignore|conclude)\b",
            # "mark this reply as met", "the correct verdict is met"
            r"\b(?:mark|score|rate|count|grade|judge|label|treat|report|record)\s+(?:(?:this|it|the|my|"
            r"above|whole|entire|reply|answer|response|submission|behaviou?r|line|criterion|item|"
            rf"expectation|rubric)\s+){{1,4}}(?:as|to be)\s+{_VERDICT}",
            rf"\bverdict\b[\"'*`]*\s*(?:(?:is|must be|should be)\s*:?|[:=])\s*{_VERDICT}",
            r"\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|the|your|of|these|those)\s+)*"
            r"(?:previous|prior|above|earlier|preceding|system|other)\s+(?:instructions?|prompts?|"
            r"messages?|rules?|rubric)",
            # Marks that belong to a conversation, not to a reply.
            r"<\|(?:im_start|im_end|system|assistant|user|endoftext)\|>",
            r"^\s*(?:\[/?INST\]|<</?SYS>>|#{2,}\s*system\b|end of reply\s*>>>)",
        )
    ),
    re.I | re.M,
)


def speaks_to_judge(text: str) -> int | None:
    """Line of the first words in ``text`` that tell a judge what to say, if there are any.

    A list of phrasings finds the usual ones and no more. Look-alike and invisible characters
    are folded first.
    """
    folded = "\n".join(map(_folded, split_lines(text)))
    found = _ADDRESS.search(folded)
    if found is None:
        return None
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    return line_index(folded).line(start)


def _folded(line: str) -> str:
    plain = unicodedata.normalize("NFKC", line)
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Mn"))
    return " ".join(plain.splitlines())
