"""From the text that a model sends back to an opinion that can be relied on to be one."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.code.lines import line_index, split_lines
from harness.judge.opinion import Opinion, Stance, abstained

# A quote shorter than this stands in nearly every reply; a longer one is not one passage.
_FEWEST, _MOST = 8, 4_000
# A sentence of reasons may not fill the report.
_WORDS: Final = 600


class ModelAnswer(BaseModel):
    """What a model must answer; the quote comes first, so that the verdict follows from it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    quote: Annotated[str, Field(description="Words copied from the reply.")]
    why: Annotated[str, Field(description="One sentence.")]
    verdict: Literal["met", "not met", "unclear"]


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


def opinion(answer: ModelAnswer, reply: str) -> Opinion:
    """``answer`` as an opinion, where its quote holds; white space may differ, nothing else."""
    why = " ".join(answer.why.split())[:_WORDS]
    if answer.verdict == "unclear":
        return Opinion(Stance.UNCLEAR, why)
    words = answer.quote.split()
    if len("".join(words)) < _FEWEST:
        return abstained(f"its quote is too short to show anything: {answer.quote!r}")
    if len(answer.quote) > _MOST:
        return abstained(f"its quote is longer than {_MOST} characters")
    found = re.search(r"\s+".join(map(re.escape, words)), reply)
    if found is None:
        return abstained("quote not found in the reply")
    if speaks_to_judge(found[0]) is not None:
        return abstained("the words it quotes speak to a judge, which shows nothing")
    stance = Stance(answer.verdict)
    address = speaks_to_judge(reply)
    if address is not None and stance is Stance.MET:
        return abstained(
            f"the reply speaks to a judge on line {address}, so an opinion in its favour "
            "cannot be told from obedience"
        )
    return Opinion(stance, why, found[0], line_index(reply).line(found.start()))


_JUDGE = (
    r"(?:judges?|graders?|evaluators?|assessors?|rubric|auto-?grader|"
    r"grading (?:model|system|script)|"
    r"(?:ai|llm|language model|automated) (?:judge|reviewer|grader|evaluator|assistant))"
)
_VERDICT = (
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
