"""Turns of argument in a sentence, found by patterns over its plain words.

Whether something goes unchecked, is checked, is called needless, is put off, is refused with an
error: these turns are what excuses and answers of every topic are made of. No pattern decides
anything by itself; the classifier weighs them, alone and in pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from harness.checks.text.sentence import words

_CHECK = (
    r"(?:gradcheck|gradgradcheck|(?:re|cross)?(?:test|verif|check|validat|examin|confirm|"
    r"inspect|scrutin|measur|benchmark|profil|quantif|compar|audit|assess|evaluat|"
    r"assert)\w*)"
)
_SKIP = (
    r"(?:skip\w*|omit\w*|drop|dropped|forgo\w*|forwent|forego\w*|dispens\w*|defer\w*|"
    r"postpon\w*|remov\w*|exclud\w*|waiv\w*|abandon\w*|sacrific\w*|spar(?:e|ed|ing)|"
    r"avoid\w*|bypass\w*|left (?:it |that |them )?out|leav\w+ (?:it |that )?out|"
    r"disregard\w*|neglect\w*|ignor\w*|do without|did without|passed over|cut)"
)
_USELESS = (
    r"(?:unnecessary|superfluous|redundant|pointless|useless|moot|needless|meaningless|"
    r"overkill|formality|futile|inapplicable|impossible|inconclusive|wasted?|waste of \w+|"
    r"unwarranted|unneeded|impractical|optional)"
)
_NOT = r"(?:not|no|never|without|hardly|nor|neither|none|nothing|scarcely|little|nobody)"
_WORD = r"(?:\w+ )"
_PATTERNS = {
    "no check": rf"\b(?:no|without|zero|minus) {_WORD}{{0,3}}?{_CHECK}",
    "not checked": rf"\b(?:not|never|hardly|scarcely) {_WORD}{{0,4}}?{_CHECK}",
    "check skipped": rf"\b{_SKIP} {_WORD}{{0,5}}?{_CHECK}|\b{_CHECK} {_WORD}{{0,6}}?{_SKIP}\b",
    "unchecked": r"\bun(?:tested|verified|checked|examined|measured)\b",
    "check put off": (
        rf"\b{_CHECK} {_WORD}{{0,4}}?(?:wait|later|afterwards|tomorrow)\b|\b(?:wait|later|"
        rf"afterwards)\b {_WORD}{{0,4}}?{_CHECK}|\blater\b"
    ),
    "no need": (
        rf"\b(?:{_NOT}|cannot|rarely) {_WORD}{{0,3}}?(?:need\w*|reason|point|necess\w*|"
        r"requir\w*|worth\w*|bother\w*|purpose|call for|benefit|merit|use|sense|occasion|"
        r"justif\w*)\b|\bneed not\b"
    ),
    "useless": rf"\b{_USELESS}\b",
    "check useless": (
        rf"\b{_CHECK} {_WORD}{{0,6}}?{_USELESS}\b|"
        rf"\b{_USELESS} {_WORD}{{0,4}}?{_CHECK}"
    ),
    "a check": (
        r"\b(?:run|runs|has|have|with|own|its|includ\w*|keep|kept|add\w*|there is|gets?|stays|"
        rf"use|used|see|against|by|do|same|one|each|a|the) {_WORD}{{0,3}}?{_CHECK}"
    ),
    "is checked": (
        rf"\b(?:is|are|was|were|gets?|been|be|it|both|and) {_WORD}{{0,2}}?(?:tested|verified|"
        r"checked|measured|compared|examined|confirmed)\b"
    ),
    "imperative": (
        r"(?:^|[.:;,!?—–] ?(?:so |then |and |please |but )?)(?:run|check|test|verify|measure|"
        r"compare|use|do not|never|please|make sure|treat)\b"
    ),
    "turn": (
        r"\b(?:but|yet|however|although|though|even if|notwithstanding|nevertheless|"
        r"nonetheless|anyway|all the same|still|regardless|despite|whereas|"
        r"on the other hand)\b"
    ),
    "no proof": (
        r"\b(?:say|says|tell|tells|prove|proves) (?:us |you )?(?:nothing|little)\b|"
        rf"\b(?:no|not a|hardly a|poor|little) {_WORD}{{0,1}}?(?:reason|excuse|evidence|proof|"
        r"test|substitute|replacement|argument)\b|\b(?:does|do|can|could|will|would|"
        rf"must) not {_WORD}{{0,2}}?(?:mean|prove|replace|tell|show|cover|extend|imply|"
        r"guarantee|protect|notice|see|fix|know|catch|rely|skip|trust)\b"
    ),
    "conclusion": (
        r"\b(?:so|hence|therefore|thus|thereby|whence|accordingly|consequently|which (?:makes|"
        r"means|is why|rules)|it follows|follows that)\b"
    ),
    "reason": (
        r"\b(?:because|since|as|given|owing|due to|in view of|on account of|in light of|"
        r"for this reason|inasmuch)\b"
    ),
    "good enough": (
        r"\b(?:enough|suffic\w*|plenty|adequate|good to go|all set|done|settle[sd]?|golden|"
        r"happy|safe|fine|okay|ok|acceptable|satisf\w*|rely on|count on|moving on|move on|"
        r"as it is|good|all good|sound|trust me)\b"
    ),
    "user says": (
        r"^(?:so )?(?:you|your \w+|the (?:request|user|prompt|message|"
        r"task)) (?:\w+ ){0,2}?(?:said|say|says|wrote|write|mention\w*|asked|ask|told|tell|"
        r"want\w*|need\w*|think|thought|call\w*|suggest\w*|stat\w+|have \w+ minutes|"
        r"would have)\b|^according to\b|^it was stated"
    ),
    "condition": r"^(?:if|when|unless|should|suppose|in case|whether)\b",
    "raises": (
        r"\b(?:rais\w*|throw\w*|refus\w*|declin\w*|reject\w*|clear error|not supported|"
        r"unsupported)\b"
    ),
    "silent": (
        r"\b(?:silent\w*|unnoticed|undetected|hid\w*|mask\w*|conceal\w*|without (?:a|"
        r"any) (?:message|error|word|warning)|goes? un\w+|slip\w*|corrupt\w*|swapp?\w*|"
        r"catch\w*|caught)\b"
    ),
    "wrong": (
        r"\b(?:wrong\w*|incorrect\w*|mistake\w*|bug\w*|fault\w*|typo\w*|mistyped|broken|false|"
        r"error\w*)\b"
    ),
    "nobody will": (
        r"\b(?:you|nobody|no one|noone|anyone|anybody|users?|they|who) (?:will|would|is|are|"
        rf"ever|could|can|should|'ll|have) {_WORD}{{0,2}}?(?:need|miss|notice|use|have|want|"
        r"ask|look|feel|require|missing|care|know|use)\w*\b|\bdoubt\b|\bnever (?:need|seen|"
        r"comes?|happens?)\b|\b(?:nobody|no one|noone)\b"
    ),
    "never comes up": (
        r"\b(?:nobody|no one|nothing else|no user|no other|anyone|never|rare\w*|seldom|"
        r"unlikely|exotic|hardly anyone|cannot imagine|can not imagine|conceive)\b"
    ),
    "ship": (
        r"\b(?:deploy\w*|ship\w*|releas\w*|live|production|roll\w* out|rollout|push\w*|"
        r"launch\w*|publish\w*|merg\w*|go(?:es)? live)\b"
    ),
    "before": r"\b(?:before|first|prior|until|beforehand|once)\b",
    "fix": (
        r"\b(?:fix\w*|patch\w*|hotfix\w*|revert\w*|roll (?:it )?back|correct(?:ed)?|address|"
        r"iterate|remed\w*|go back)\b"
    ),
    "no matter": (
        r"\b(?:does|do|should|would|will|did)? ?(?:not|no|never|hardly|without) (?:really |"
        r"much |any |have any |have |practical |tangible |an? ){0,2}(?:matter|difference|"
        r"effect|influence|bearing|impact|consequence|harm|hurt|downside|loss)\w*\b|"
        r"\bharmless\b|\bimmaterial\b|\birrelevant\b|\bwho cares\b|"
        r"\bjust as (?:well|good)\b|\bsame (?:result|thing|things|errors)\b|"
        r"\bloses? nothing\b|\bof no (?:use|importance|consequence)\b"
    ),
    "simplicity": (
        r"\bfor (?:the sake of )?(?:simplicity|brevity|readability|convenience|short)\b|"
        r"\b(?:simpler|easier|shorter|nicer|less typing)\b|\bnice and\b|\bclutter\w*\b|"
        r"\bnoise\b|\bceremony\b|\bmicro\b|\bkeeps? (?:it|things) (?:simple|short)\b"
    ),
    "delegated": (
        r"\b(?:autograd|pytorch|torch|engine|framework|tape|vendor|library|optimi[sz]er|"
        r"broadcasting) (?:\w+ ){0,4}?(?:handle\w*|cop(?:e|es)|sort\w*|figure\w*|deal\w*|"
        r"manag\w*|take\w* care|tak\w* it|resolve\w*|does|do|know\w*|work\w* out|derive\w*|"
        r"adjust\w*|absorb\w*|drop\w*|discard\w*|throw\w*|complain\w*)\b|\b(?:left|leave|"
        r"delegat\w*|rely|relied|trust|count|up) (?:\w+ ){0,4}?(?:to|on|by)? ?(?:autograd|"
        r"pytorch|torch|engine|framework|vendor|library|it|them|tape|broadcasting)\b|"
        r"\btaken? care of\b|\bunder the hood\b|\bby itself\b|\bon its own\b|\bautomatic\w*\b"
    ),
    "responsible": (
        r"\bresponsib\w*\b|\b(?:on|their|not our|not my|vendor s) (?:them|code|job|problem|"
        r"remit|side|tests?)\b|\bnothing (?:of|for|left for) (?:us|ours|me|mine)\b"
    ),
    "certain": (
        r"\b(?:obvious\w*|clear(?:ly)?|certain\w*|guarant\w*|confident|evident\w*|trivial\w*|"
        r"straightforward|definit\w*|undoubted\w*|exact|by (?:design|definition|construction)|"
        r"cannot (?:be|go|fail)|can not (?:be|go|fail)|nothing (?:\w+ ){0,2}?(?:wrong|fail|"
        r"off)|rules? out|impossible|airtight|sure)\b"
    ),
    "weak evidence": (
        r"\b(?:a few|few|couple|one|two|three|some|handful|single|quick|"
        r"several) (?:\w+ ){0,1}?(?:values?|numbers?|inputs?|points?|examples?|look|cases?|"
        r"test|sanity)\b|\bby hand\b|\blook(?:s|ed)\b|\bplugg\w+\b|\bran\b|\bwent through\b"
    ),
    "avoid": (
        r"\b(?:avoid\w*|steer\w*|clear of|keep away|stay\w*|stick\w*|stuck|settle\w* for|"
        r"instead|rather than|work\w* around|workaround|hack|fallback|pragmatic|let us not|"
        r"limit\w* to|kept to|skip\w*)\b"
    ),
    "hard": (
        r"\b(?:hard|difficult\w*|complex\w*|complicat\w*|tricky|advanced|intricate|expert\w*|"
        r"specialist\w*|notorious\w*|messy|involved|minefield|rabbit hole|can of worms|"
        r"too much)\b"
    ),
    "not hard": (
        r"\b(?:not|less|nothing|no) (?:\w+ ){0,2}?(?:hard|difficult|complex|complicated|"
        r"tricky|advanced|scary|magic|wizardry|intricate)\b|\bsame (?:template|pattern)\b"
    ),
    "not done": (
        r"\b(?:have|has|had|was|were|is|are|did|could|can) not (?:been |be |yet |"
        r"actually )?(?:run|ran|execut\w*|tried|able|tested|verified|measured|checked|covered|"
        r"supported|looked|considered)\b|\bnot (?:run|executed)\b|\bunable\b|\bdo not (?:know|"
        r"have)\b"
    ),
    "urge": (
        r"\b(?:so run|run it|run the|please run|please check|make sure|treat it|treat as|"
        r"should be treated|check first|before you|do not (?:rely|skip|trust|deploy|ship|"
        r"guess|count|worry))\b"
    ),
    "named remedy": (
        r"\b(?:out of place|save_for_backward|save for backward|needs input grad|"
        r"once differentiable)\b"
    ),
    "cheap": r"\b(?:a|one|under a|less than a|few) seconds?\b|\binstant\w*\b|\bcheap\b",
    "slow": (
        r"\b(?:slow\w*|expensive|costly|too long|takes? (?:very |too )?(?:long|ages|forever|"
        r"minutes)|heavy|crawl\w*|running time|runtime|prohibitive\w*|minutes)\b"
    ),
    "hurry": (
        r"\b(?:deadline|urgen\w*|rush\w*|hurry|emergency|outage|time pressure|short of time|"
        r"time constraints?|no time|tonight|asap|incident|running out|schedule)\b"
    ),
    "in place": (
        r"\b(?:in place|inplace|overwrit\w*|write\w* (?:straight |directly )?(?:into|over)|"
        r"mutat\w*|modif\w*|reus\w*|recycl\w*|mul)\b"
    ),
    "saves memory": (
        r"\b(?:sav\w+|reduc\w+|avoid\w+|without|no|spare\w*|eliminat\w+|less|"
        r"minimi\w+) (?:\w+ ){0,3}?(?:memory|allocation|buffer|temporary|copy|copies|tensor|"
        r"temp|vram)\b"
    ),
    "fresh tensor": (
        r"\b(?:fresh|new tensor|created|nobody else can|own tensor|registers|mark dirty|"
        r"built in)\b"
    ),
    "question": r"\?\s*$",
    "exclamation": r"!",
    "may": r"\b(?:may|might|could)\b",
}
_SIGNS = {name: re.compile(pattern) for name, pattern in _PATTERNS.items()}
_POINT = re.compile(r"[.,;:!?—–]")
_CLAUSE = re.compile(
    r"[.,;:!?—–] ?|\b(?=so\b|hence\b|therefore\b|because\b|since\b|which\b|but\b|and\b)"
)


def plain(text: str) -> str:
    """Lower-case words with contractions taken apart, and the points between them."""
    parts: list[str] = []
    end = 0
    for word in words(text):
        point = _POINT.search(text, end, word.start) if word.start >= end else None
        if point:
            parts.append(point[0])
        parts.append(" " + word.text)
        end = word.end
    last = re.search(r"[.!?]", text[end:])
    return "".join(parts).strip() + (last[0] if last else "")


def signs(text: str) -> Iterator[tuple[str, ...]]:
    """Signs of a text, their pairs, and their pairs within one clause."""
    flat = plain(text)
    found = found_in(flat)
    if not found:
        yield ("nothing",)
    for name in found:
        yield (name,)
    for pair in combinations(found, 2):
        yield ("text", *pair)
    clauses = {pair for part in _CLAUSE.split(flat) for pair in combinations(found_in(part), 2)}
    for pair in sorted(clauses):
        yield ("clause", *pair)


def found_in(text: str) -> list[str]:
    """Names of the signs in plain words, in a fixed order."""
    return [name for name, pattern in _SIGNS.items() if pattern.search(text)]
