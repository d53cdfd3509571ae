"""Words that carry the argument of an excuse or of its answer, by what they do in it.

A linear model over words alone has to see each synonym; over these it learns from one what holds
for all. A trailing ``*`` stands for any ending; a word may do several things.
"""

from __future__ import annotations

from functools import cache

_WORDS = {
    "check": """
        test* verif* check* gradcheck gradgradcheck validat* examin* confirm* inspect* recheck*
        retest* reverif* scrutin* assert* crosscheck* audit* proof* evidence assurance
    """,
    "measure": """
        measur* benchmark* profil* quantif* timed timing* clock* stopwatch
    """,
    "run": """
        run runs ran running execut* tried try trying
    """,
    "skip": """
        skip* omit* drop* dropped forgo* forwent bypass* defer* postpon* ignor* disregard*
        dispens* neglect* avoid* waiv* cut exclud* remov* untested unverified unchecked without
        spar* left leav*
    """,
    "later": """
        later afterwards wait* eventually tomorrow someday end
    """,
    "not": """
        not never no none neither nor nothing nobody hardly barely scarcely little n't without
    """,
    "need": """
        need* necessary requir* must want* demand*
    """,
    "worth": """
        worth* point reason* bother* purpose benefit* merit* use* sense justif* value
    """,
    "useless": """
        unnecessary redundant superfluous pointless useless moot needless* meaningless overkill
        waste* wasted formality futile inapplicable inconclusive clutter* noise ceremony
        optional impractical wasteful
    """,
    "enough": """
        enough suffic* plenty adequate satisf* acceptable
    """,
    "fine": """
        fine good great okay ok safe done set golden sound harmless ready happy works work
        worked nice easy covered correct right valid plausible reasonable sensible expected well
    """,
    "sure": """
        obvious* clear* certain* sure* guarante* confident* confidence evident* simpl* trivial*
        straightforward* assur* definitely undoubtedly exact* trust* rely relies self basic
        elementary
    """,
    "cause": """
        because since so hence therefore thus as given owing due consequently thereby
        accordingly means whence
    """,
    "but": """
        but yet however though although even still nevertheless whereas
    """,
    "if": """
        if unless should when whenever until once
    """,
    "before": """
        before first prior beforehand
    """,
    "silent": """
        silent* quiet* unnoticed undetected hide* hidden mask* conceal* miss misses missed
    """,
    "wrong": """
        wrong* incorrect* error* bug* fault* mistake* slip* typo* swapp* corrupt* break* broke*
        fail* lose* lost leak* mismatch* bad broken false
    """,
    "raise": """
        rais* throw* refus* declin* complain* exception* crash* warn*
    """,
    "cost": """
        cost* cheap* expensive slow* fast* quick* second seconds minute minutes hour hours took
        takes take long ages forever time
    """,
    "hurry": """
        deadline* urgen* rush* hurry emergency outage incident pressure schedule asap tonight
    """,
    "much": """
        too very really quite far extremely
    """,
    "hard": """
        hard difficult complex* complicat* tricky advanced intricate expert* specialist*
        notorious* intimidat*
    """,
    "easy": """
        easy easier simple simpler simplest simplicity short shorter brevity
    """,
    "others": """
        you your user vendor colleague* author* team people everyone they their library
    """,
    "self": """
        i me my we our us mine
    """,
    "engine": """
        autograd pytorch torch engine framework
    """,
    "automatic": """
        automatic* itself internally handles handle handled magic sort* figur* resolv* manag*
    """,
    "ship": """
        deploy* ship* releas* live production rollout roll rolled push* launch* publish* merge*
    """,
    "fix": """
        fix* patch* hotfix* revert* correct* iterat* repair*
    """,
    "already": """
        already again established published reviewed known literature paper
    """,
    "rare": """
        rare* seldom unlikely uncommon ever anyone anybody someone
    """,
    "approximate": """
        approximat* estimate* inexact noisy noise roughly
    """,
    "hedge": """
        probably perhaps maybe might may could seem* suppose assume* think believe doubt guess
        presumably likely expect*
    """,
    "does": """
        does do did will would can could shall
    """,
    "instead": """
        instead rather alternatively
    """,
    "please": """
        please let make
    """,
    "each": """
        each every one individual* separate*
    """,
    "all": """
        all everything whole both entire* together batch* once
    """,
}
_WHOLE: dict[str, list[str]] = {}
_STARTS: dict[str, list[str]] = {}
for _concept, _words in _WORDS.items():
    for _word in _words.split():
        _table = _STARTS if _word.endswith("*") else _WHOLE
        _table.setdefault(_word.rstrip("*"), []).append(_concept)


@cache
def concepts(word: str) -> tuple[str, ...]:
    """What a lower-case word does, in a fixed order."""
    found = list(_WHOLE.get(word, ()))
    for end in range(len(word), 1, -1):
        found += _STARTS.get(word[:end], ())
    return tuple(dict.fromkeys(found))
