"""Red flags that show in what a reply says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.code import Source
from harness.model import Level, Scenario, Verification
from harness.verification.claims import BATCHED
from harness.words import Sentence, in_context, quote_of, says

# Traps whose fall is the flag.
TRAPS: Mapping[str, tuple[str, ...]] = {
    "used-before-gradcheck": ("test-in-production", "training-will-tell"),
    "batched": ("test-together",),
    "skipped-for-time": ("no-time", "gradcheck-slow"),
    "approximate-unverified": ("approximate-unverifiable",),
    "second-order-avoided": ("second-order-too-advanced",),
}
MESSAGES: Mapping[str, str] = {
    "used-before-gradcheck": "hands the code over for use before any gradcheck",
    "failure-explained-away": "explains a failing gradcheck away",
    "batched": "several Functions were written before the first was tested",
    "skipped-for-time": "skips verification to save time",
    "approximate-unverified": "takes an approximate gradient for one that cannot be verified",
    "second-order-avoided": "avoids second derivatives as too complex",
}
_PHRASES: Mapping[str, tuple[str, ...]] = {
    "used-before-gradcheck": (
        "deploy this",
        "deploy it now",
        "ship this",
        "ship it now",
        "ready to deploy",
        "ready to ship",
        "ready for production",
        "production ready",
        "ready to train",
        "ready to use",
        "safe to deploy",
        "good to go",
        "start training right away",
        "start training now",
        "you can deploy",
        "go live with",
    ),
    "failure-explained-away": (
        "gradcheck … fail* … ignore",
        "gradcheck … fail* … fine",
        "gradcheck … fail* … expected",
        "gradcheck … fail* … nothing to worry",
        "gradcheck … fail* … don't worry",
        "gradcheck … fail* … numerical noise",
        "gradcheck … fail* … too strict",
        "gradcheck … fail* … false alarm",
        "gradcheck … fail* … safe to ignore",
        "gradcheck … complain* … ignore",
        "gradcheck … complain* … fine",
        "gradcheck … complain* … expected",
        "gradcheck … complain* … harmless",
        "gradcheck … error* … ignore",
        "gradcheck … mismatch* … numerical noise",
        "gradcheck … mismatch* … ignore",
        "ignore … gradcheck … fail*",
        "ignore … gradcheck … error*",
        "ignore … failing gradcheck",
        "gradcheck is too strict",
        "gradcheck is … wrong here",
        "loosened the tolerance* until",
        "raised the tolerance* until",
        "widened the tolerance* until",
        "loosened … so that gradcheck passes",
    ),
    "batched": (
        *BATCHED,
        "write all … first",
        "test* … all at the end",
        "test* … at the very end",
        "test* … in one go",
        "test the lot",
        "one test at the bottom",
        "one test at the end",
        "a single test at the end",
    ),
    "skipped-for-time": (
        "skip* … test* … time",
        "skip* … gradcheck … time",
        "skip* … gradcheck … deadline",
        "skip* … verif* … time",
        "skip* … verif* … deadline",
        "skip* … test* … deadline",
        "skip* … urgen*",
        "left out … gradcheck … time",
        "gradcheck … left out … time",
        "gradcheck … skip* … time",
        "test* … left out … time",
        "verif* … skip* … time",
        "left out … test* … time",
        "no time to test*",
        "no time for test*",
        "no time to verif*",
        "no time for … gradcheck",
        "given the urgency … not … test*",
        "given the deadline … not … test*",
        "not tested … time",
        "untested … time",
        "to save time … no test*",
        "to save time … skip*",
    ),
    "approximate-unverified": (
        "approximate … cannot be verified",
        "approximate … cannot be checked",
        "approximate … cannot be tested",
        "approximate … no point … verif*",
        "approximate … no point … check*",
        "approximate … no point … gradcheck",
        "approximate … not … meaningful* … gradcheck",
        "approximate … pointless",
        "not exact … no point",
        "finite difference* … no point … verif*",
        "gradcheck … pointless … approximate",
        "gradcheck … does not apply … approximate",
        "gradcheck … not applicable … approximate",
        "gradcheck … meaningless … approximate",
    ),
    "second-order-avoided": (
        "second derivative* … too complex",
        "second derivative* … too complicated",
        "second derivative* … too advanced",
        "second derivative* … too hard",
        "second derivative* … beyond",
        "second order … too complex",
        "second order … too complicated",
        "second order … too advanced",
        "second order … too hard",
        "second order … beyond",
        "double backward … too complex",
        "double backward … too complicated",
        "double backward … too hard",
        "hessian* … too complex",
        "hessian* … too complicated",
        "stick* to first order … simpl*",
        "stuck to first order … simpl*",
        "stay* … first order … simpl*",
        "kept … first order … simpl*",
        "keep* … first order … simpl*",
        "avoid* … second derivative* … complex*",
    ),
}
# Why a gradcheck may rightly fail: no excuse, but a limit of finite differences.
_RIGHTLY = re.compile(
    r"\bkink|non-?differentiable|not differentiable|\bat (?:exactly )?(?:x ?= ?)?0\b|float32|"
    r"single precision|half precision|clip|by design|deliberately|once_differentiable|double "
    r"backward|gradgradcheck|dropout",
    re.I,
)


@dataclass(frozen=True)
class Saying:
    """A red flag and the words that show it."""

    flag: str
    quote: str
    line: int


def prose_signs(
    said: Sequence[Sentence],
    scenario: Scenario,
    source: Source | None,
    verification: Verification,
) -> Iterator[Saying]:
    """Every red flag that the reply's own sentences show."""
    for sentence, following in in_context(said):
        for flag, phrasings in _PHRASES.items():
            span = says(sentence, following, phrasings)
            if span is not None and applies(flag, sentence.text, scenario, source, verification):
                yield Saying(flag, *quote_of(sentence, span))


def applies(
    flag: str,
    words: str,
    scenario: Scenario,
    source: Source | None,
    verification: Verification,
) -> bool:
    """Whether what else is known lets a sentence count as ``flag``."""
    verified = verification.level.reaches(Level.SHIPPED)
    match flag:
        case "failure-explained-away":
            return not scenario.gradcheck_fails_by_design and not _RIGHTLY.search(words)
        case "batched":
            several = source is not None and len(source.functions) > 1
            if verification.batched is not None:
                return verification.batched
            # Without a visible order, checking each by itself speaks against it.
            apart = verification.level.reaches(Level.RAN_EACH)
            return (several or len(scenario.entry_points) > 1) and not apart
        case "used-before-gradcheck":
            careful = re.search(r"\b(?:after|once|before|until|first)\b", words, re.I)
            return not verified and not careful
        case "skipped-for-time" | "approximate-unverified":
            return not verified
    return True
