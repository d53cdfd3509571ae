"""What a passage does towards its reader: reports, supposes, owns an act, admits, objects.

The signs tell what is said of checking; these tell who says it and what comes of it. In a
passage of several sentences the last one has the say, so the first and the last count apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from harness.checks.text.sign import found_in, plain

_SAYS = (
    r"(?:say|says|said|write|writes|wrote|mention\w*|told|tell|ask\w*|think\w*|want\w*|call\w*|"
    r"state\w*|report\w*|claim\w*|inform\w*|suggest\w*|describe\w*|note\w*|believe\w*|feel|"
    r"worr\w*|prefer\w*|would)"
)
_PATTERNS = {
    "you said": (
        rf"\byou (?:have |had |also |just |may |might |would )?{_SAYS}\b|"
        r"\byour (?:message|request|colleague|boss|vendor|note|words?|prompt|docs?|team)\b"
    ),
    "people say": (
        r"\b(?:some|many|people|one|they|teams|those|everyone|nobody|it is (?:often|sometimes|"
        r"usually)) (?:\w+ ){0,3}?(?:holds?|says?|said|thinks?|hears?|claim\w*|argu\w*|"
        r"believ\w*|skip|assume\w*|alleged|call|might|may|could|who)\b"
    ),
    "supposed": (
        r"(?:^|[.;:] ?)(?:so )?(?:if|suppose|supposing|were|should|had|assuming|imagine|unless|"
        r"when|would|even if|whether)\b"
    ),
    "would": r"\b(?:would|were)\b",
    "urged": r"\b(?:do not|never|please|careful|beware)\b",
    "own act": (
        r"\b(?:i|we)(?: have| did| had| am| was| would| rather| will| just| simply| only| "
        r"therefore| thus| accordingly)* (?:not )?(?:skip\w*|omit\w*|left|leave|leaving|cut|"
        r"drop\w*|did|do|took|put|kept|keep|stopped|rest|rely|trust|wrote|write|use|used|"
        r"return|let|see|saw|found|felt|thought|think|suppose|believe|assume|consider|judge\w*|"
        r"prefer\w*|chose|decided|stay|stayed|replaced|store|detach\w*|compute|overwrit\w*|"
        r"forgone|dispensed|spared|ask\w*)\b"
    ),
    "done": (
        r"\b(?:is|are|was|were|be|both|it|therefore|hence) (?:\w+ ){0,3}?(?:tested|verified|"
        r"checked|measured|compared|examined|asserted|reported|recorded|included|kept|below|"
        r"guarded|raises?)\b|\b(?:i|we|tests?|checks?) (?:\w+ ){0,2}?(?:test|check|compare|"
        r"measure|kept|covers?|uses?|catch\w*|caught|shows?|says|runs?|tells?|asserts?)\b|"
        r"\bthere (?:is|'s) a (?:test|check)\b|\bso (?:there|it|each|i)\b|\btested\b|\bbelow\b"
    ),
    "contradicted": (
        r"[.;,:?!—] ?(?:it|they|that|this|there|here|those) (?:is|are|does|do|did|was|will|"
        r"would|'s)? ?(?:not|no)\b|[.?!;] ?(?:no|not|wrong|never)\b"
    ),
    "admitted": (
        r"\b(?:could not|was not able|not able|unable|have not|has not|had not|not yet|not been|"
        r"do not know|not sure|not certain|can not (?:say|tell)|unknown|not known|"
        r"remain\w* untested|no statement|no way to|untested|not (?:executed|run|measured|"
        r"established)|tell me|let me know|correct me|could only)\b"
    ),
    "no proof": (
        r"\b(?:not|never|nothing|no|neither|hardly|little|less) (?:\w+ ){0,4}?(?:proof|"
        r"evidence|test|guarantee|enough|reason|excuse|means?|proves?|tells?|replace|see|"
        r"notice|show|care|help|warrant|argument)\b"
    ),
    "no test": (
        r"\bno (?:\w+ ){0,3}?(?:tests?|checks?|gradcheck|testing|verification|proof|checking|"
        r"comparison|benchmark|measurement)\b"
    ),
    "no call": (
        r"\b(?:need not|no need|not need|no point|no reason|nothing (?:to|left|there|in|more|"
        r"else|further)|no call|no use|little point|not necessary|not needed|not required|"
        r"not worth|unnecessary|without|not matter|no difference|who cares|no one|nobody|"
        r"who needs|why|never)\b"
    ),
    "so": r"\b(?:so|hence|therefore|thus|accordingly|(?:which|that) is why|consequently|thereby)\b",
    "since": (
        r"\b(?:since|because|as|given|owing|due to|in view of|on account|for reasons of|"
        r"in the interest)\b"
    ),
    "but": (
        r"\b(?:but|yet|however|though|although|still|all the same|notwithstanding|"
        r"nevertheless|anyway|even)\b"
    ),
    "unnoticed": (
        r"\b(?:silent\w*|without (?:a word|a murmur|complaint|anyone|protest)|hides?|"
        r"conceal\w*|unnoticed|quietly)\b"
    ),
    "wrong": (
        r"\b(?:wrong|false|flipped|swapped|missing|mistake\w*|errors?|faults?|faulty|bugs?|"
        r"broken|corrupt\w*|leaks?)\b"
    ),
}
_MOVES = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}
_END = re.compile(r"[.!?]+ ?")


def moves(text: str) -> Iterator[tuple[str, ...]]:
    """Moves of a passage, alone, in pairs and with its signs, and how its parts begin."""
    flat = plain(text)
    parts = [part for part in _END.split(flat) if len(part.split()) > 1] or [flat]
    whole, found = _in(flat), found_in(flat)
    for name in whole:
        yield (name,)
        for sign in found:
            yield ("sign", name, sign)
    yield from combinations(whole, 2)
    yield ("parts", str(min(3, len(parts))))
    yield from _opening("start", parts[0])
    if len(parts) > 1:
        yield from _opening("turn", parts[-1])
        first, last = parts[0] + ".", parts[-1] + "."
        for name in (*_in(first), *found_in(first)):
            yield ("first", name)
        for name in (*_in(last), *found_in(last)):
            yield ("last", name)
        for one in _in(first):
            for two in _in(last):
                yield ("then", one, two)


def _opening(name: str, part: str) -> Iterator[tuple[str, ...]]:
    plain_words = part.split()
    yield (name, *plain_words[:1])
    yield (name, *plain_words[:2])


def _in(flat: str) -> list[str]:
    return [name for name, pattern in _MOVES.items() if pattern.search(flat)]
