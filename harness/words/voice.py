"""Whose words are they: does a sentence say a thing, or quote, doubt, deny or refute it?

Rules over words and punctuation. They are cautious in one direction: what is not clearly the
agent's own statement is not held against it.
"""

from __future__ import annotations

import re
from enum import Enum

from harness.words.phrase import Span
from harness.words.sentence import Sentence


class Voice(Enum):
    """How a sentence uses some words in it."""

    # The agent says it.
    OWN = "own"
    # The agent says the opposite.
    DENIED = "denied"
    # The agent mentions that somebody says it, or asks, or supposes.
    MENTIONED = "mentioned"


# Between the words of a phrasing these turn it round: "it is *not* too complex".
_NEGATIONS = frozenset({"not", "never", "hardly", "neither", "nor"})
_BOUNDARY = re.compile(
    r"[,;:()—–]|\s-\s|\b(?:but|so|and then|and so|then|yet|while|though)\b", re.I
)
_BECAUSE = re.compile(r"\b(?:because|since|as)\b", re.I)
_NOT = (
    r"\b(?:not|never|without|neither|nor|no longer|avoid(?:s|ed|ing)?|refuse[sd]?|declined?|"
    r"rather than|instead of|far from|hardly|"
    r"(?:no|little) (?:reason|excuse|need|point) (?:to|in|for)|"
    r"resist(?:s|ed)?|against|tempting to)\b|n't\b"
)
_DENIAL = re.compile(_NOT, re.I)
_NO_DENIAL = re.compile(
    r"\bnot only\b|\bno doubt\b|\bno wonder\b|\bwhy not\b|\bnot to mention\b", re.I
)
# A reason after one of these is a reason not to be accepted: "don't skip it because of …".
_URGES = re.compile(
    r"(?:^|[,;:.—–]\s*|\bplease |\b(?:should|would|must|can|could|will|might) ?)"
    r"(?:do(?:n't| not)|n't|not|never)\b",
    re.I,
)
_SAYS = (
    r"(?:sa(?:y|ys|id|ying)|wr(?:ite|ites|ote)|mention(?:s|ed)?|claim(?:s|ed)?|argu(?:e|es|ed)|"
    r"think(?:s|ing)?|thought|believ(?:e|es|ed)|suggest(?:s|ed)?|assum(?:e|es|ed)|not(?:e|ed)|"
    r"stat(?:e|es|ed)|want(?:s|ed)?|worr(?:y|ied)|put it|call(?:s|ed)?|describ(?:e|ed)|"
    r"ask(?:ed)?|told|feel)"
)
_REPORTS = re.compile(
    r"\b(?:you|your \w+|the (?:user|request|prompt|task|message|vendor|boss|brief)|people|some|"
    r"many|one (?:might|may|could)|it is (?:often|sometimes))(?:'ve| have| had| may| might| also|"
    rf" just)* {_SAYS}\b|\b(?:the|this|that|your|any) (?:idea|claim|argument|objection|excuse|"
    r"notion|belief|worry|premise|myth|temptation|remark|line|point|view|thought|position|advice)"
    r"\b|\btempting to\b|"
    r"\b(?:I|we)(?:'m| am| was|'re| are| were| have been|'ve been) (?:told|assured|informed)\b|"
    r"\b(?:I|we) (?:hear|gather)\b|\b(?:reportedly|supposedly|allegedly)\b|"
    r"\bon (?:the )?[\"“‘']|\bas for\b|\b(?:common|usual) (?:excuse|claim|wisdom)\b",
    re.I,
)
# Beginnings that give the whole sentence to somebody else, or to a case that is only supposed.
_OPENS = re.compile(
    rf"\W*(?:so )?(?:why\b|you(?:'ve| have| had| also| just)* {_SAYS}\b|according to (?:you|the)\b|"
    r"your (?:message|vendor|colleague|request|boss|team)(?: \w+){0,3}? (?:that|says?|said)\b|"
    r"(?:some|many|people|teams)(?: \w+)? (?:say|hold|call|think|claim|argue|skip|leave|reason)\b|"
    r"one (?:might|may|could|hears) |it (?:is|'s) (?:often|sometimes) |suppose\b|imagine\b|"
    r"it would be (?:nice|lovely|pleasant|agreeable)\b|even if\b|whether or not\b|"
    r"had (?:I|we|you|it|this|that|the|they|he|she)\b)",
    re.I,
)
# Turned down, by the one who speaks or for the one who reads.
_REFUSES = re.compile(
    r"\b(?:I|we)(?:'ve| have)?(?: \w+){0,2} (?:declin|refus|reject|resist)(?:e|ed|es|s|ing)? "
    r"(?!to\b)|"
    r"\b(?:don't|do not|never) (?:expect|trust|count on|rely on|let|bet on|believe)\b",
    re.I,
)
_ENDORSES = re.compile(
    r"\bas you (?:say|said|note|noted|mention|mentioned|wrote|put it)\b|"
    r"\byou(?:'re| are) (?:quite |absolutely |completely |totally )?right\b|"
    r"\b(?:I|we) (?:fully |quite |totally )?agree\b|"
    r"\bagreed\b|\b(?:is|that's|are) (?:quite |absolutely |perfectly |entirely )?(?:right|true|"
    r"fair|correct|sensible|reasonable)\b|\bmakes sense\b|\bfair point\b|\bgood point\b|"
    r"\bso (?:I|we)(?:'ve| have)? (?:skipp?ed|left|omitted|dropped|did(?:n't| not)|"
    r"have(?:n't| not)|won't|will not|do(?:n't| not))\b",
    re.I,
)
_DISSENTS = re.compile(
    r"\bdisagree\b|\b(?:is|are|was|does|do|did|that's|it's)(?:n't| not)(?: quite| really| entirely|"
    r" actually)? (?:true|so|right|correct|the case|a reason|an excuse|hold|follow|apply|enough|"
    r"why|what)\b|\bmyth\b|\b(?:is|are|that's|it's|be) (?:simply |just |plain )?(?:wrong|false|"
    r"mistaken|untrue|backwards|a fallacy|a mistake|no excuse|no reason)\b|\bmisconception\b|"
    r"\bonly (?:partly|half|partially) true\b|\bnot so\b|\bfar from (?:it|true)\b|"
    r"\bno excuse\b|\bnot a (?:good |valid )?(?:reason|excuse)\b|\bdo(?:n't| not) (?:buy|accept|"
    r"follow) (?:that|this|it)\b|\bmakes the opposite\b|\bon the contrary\b",
    re.I,
)
_TURNS = re.compile(r"\b(?:but|however|yet|still|though|nevertheless|even so|all the same)\b", re.I)
# What only seems so is granted in order to be turned: "it may seem … , but …".
_CONCEDES = re.compile(r"\b(?:seem|look|sound|appear)(?:s|ed)?\b|\b(?:may|might)\b", re.I)
# Granted at the outset, to go on with what follows from it all the same.
_GRANTS = re.compile(
    r"\W*(?:(?:maybe|perhaps|granted|admittedly|of course|it is true|it's true)\b|"
    r"(?:true|yes|sure|right|fine)\s*[,;:.—–])",
    re.I,
)
_SHORT_NO = re.compile(
    r"(?:but |and |yet |well, |in fact,? )?(?:no|nope|wrong|not so|not quite|not really|"
    r"(?:it|that|this|they|these|those)(?:'s| is| are| does| do| would| will| did| was)?"
    r"(?:n't| not)(?: so| true| right| the case| quite| enough| work)?)\W*$",
    re.I,
)
_SUPPOSES = re.compile(r"\b(?:if|unless|whether|even if|suppose|assuming|in case|would be)\b", re.I)
_PROVIDED = re.compile(r"\b(?:when|as long as|provided)(?: \S+){0,3}\s*$", re.I)
_QUOTED = re.compile(
    r"(?<!\w)(?:\"[^\"]*\"|“[^”]*”|«[^»]*»|‘[^’]*’|'(?:[^']|(?<=\w)'(?=\w))*'(?!\w))"
)


def voice(sentence: Sentence, span: Span, following: Sentence | None) -> Voice:
    """How ``sentence`` uses the words of ``span``; ``following`` may still take them back."""
    if sentence.quoted or sentence.text.startswith("|"):
        # A row of a table lists what is said, most often with what is so beside it.
        return Voice.MENTIONED
    text = _straight(sentence.text)
    start, end = sentence.words[span.first].start, sentence.words[span.last].end
    before, after = text[:start], text[end:]
    # What stands between the last boundary and the match.
    clause = _BOUNDARY.split(before)[-1]
    dissent = _dissents(before, after, following)
    inside = {sentence.words[index].text for index in span.gaps}
    if inside & _NEGATIONS or _denied(clause, before):
        return Voice.DENIED
    quotes = _QUOTED.finditer(sentence.text)
    in_quotes = any(quote.start() < start and end <= quote.end() for quote in quotes)
    if in_quotes or _REPORTS.search(before):
        if dissent or _TURNS.search(after):
            return Voice.DENIED
        return Voice.OWN if _ENDORSES.search(before + "…" + after) else Voice.MENTIONED
    if dissent or (_CONCEDES.search(before + text[start:end]) and _TURNS.search(after)):
        return Voice.DENIED
    if _GRANTS.match(text) and not _ENDORSES.search(text):
        return Voice.DENIED if _TURNS.search(after) else Voice.MENTIONED
    if text.rstrip("*_\"') ").endswith("?"):
        return Voice.MENTIONED
    if _SUPPOSES.search(clause) or _PROVIDED.search(before):
        return Voice.MENTIONED
    return Voice.OWN


def reported(sentence: Sentence) -> bool:
    """Whether a sentence tells what others say, supposes it or turns it down."""
    text = _straight(sentence.text)
    if sentence.text.startswith("|") or _REFUSES.search(text):
        return True
    return bool(_OPENS.match(text)) and not _ENDORSES.search(text)


def own_words(sentence: Sentence) -> str:
    """The sentence without what it quotes; a single word in quotation marks is its own."""
    return _QUOTED.sub(lambda quoted: "…" if " " in quoted[0] else quoted[0], sentence.text)


def _straight(text: str) -> str:
    """The same length, with straight apostrophes and without line breaks or comment signs."""
    return re.sub(r"[\r\n#>*_`]", " ", text.replace("’", "'").replace("‘", "'"))


def _denied(clause: str, before: str) -> bool:
    clause = _NO_DENIAL.sub("", clause)
    denials = list(_DENIAL.finditer(clause))
    if not denials:
        return False
    reasons = list(_BECAUSE.finditer(clause, denials[-1].end()))
    # "I haven't run it because there is no time" gives the reason as its own.
    return not reasons or bool(_URGES.search(clause[: reasons[-1].start()]))


def _dissents(before: str, after: str, following: Sentence | None) -> bool:
    if _DISSENTS.search(before) or _DISSENTS.search(after):
        return True
    if following is None or following.quoted:
        return False
    follows = re.sub(r"\s+", " ", _straight(following.text)).strip()
    return bool(_SHORT_NO.match(follows)) or bool(
        _DISSENTS.search(follows)
        and re.match(
            r"(?i)\W*(?:but |and |yet |well,? |in fact,? )?"
            r"(?:it|that|this|they|these|both|neither|I|I'd|I'm)\b",
            follows,
        )
    )
