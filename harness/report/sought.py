"""What is looked for under the name of each red flag, in words that follow *looked for*."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model import (
    CheckOutcome,
    CodePattern,
    DeedOrder,
    Detector,
    PluginDetector,
    RedFlag,
    SaidPattern,
)

# By the detectors that are built in.
_BUILT_IN: Mapping[str, str] = {
    "missing-function": "an operation without a Function where one is asked for",
    "used-before-gradcheck": "training before any gradcheck, and words that hand the code over",
    "inplace": "writes into an input or an incoming gradient, read and measured",
    "gradient-count": "a backward that returns another number of gradients than forward has inputs",
    "unsaved-tensors": "tensors kept as attributes of ctx, and others given to save_for_backward",
    "gradient-shape": "a gradient of another shape than its input, as measured",
    "needs-input-grad": "a backward of several gradients that never asks which are needed",
    "data-attribute": "the attribute .data, outside of tests",
    "saved-in-forward": "saved_tensors read in forward",
    "saved-modified": "writes into a saved tensor in backward",
    "failure-explained-away": "a gradcheck whose failure is caught, and words that excuse one",
    "needless-function": "a Function made of operations that autograd differentiates by itself",
    "batched": "Functions written before the first was verified, as seen or as said",
    "skipped-for-time": "words that skip tests to save time",
    "approximate-unverified": "words that take an approximate gradient for one beyond checking",
    "second-order-avoided": "words that avoid second derivatives as too complex",
    "unverified": "a level of verification below shipped",
}


def looked_for(flag: RedFlag) -> str:
    """Everything that raises a flag."""
    built_in = [_BUILT_IN[flag.id]] if flag.id in _BUILT_IN else []
    return "; ".join([*built_in, *map(_words, flag.seen_by)])


def _words(detector: Detector) -> str:
    match detector:
        case CodePattern():
            return _of_pattern(detector)
        case SaidPattern(phrasings=phrasings):
            return "words such as " + ", ".join(f"“{phrasing}”" for phrasing in phrasings[:3])
        case CheckOutcome(check=check, outcome=outcome, entry_points=names):
            about = f" of {' or '.join(names)}" if names else ""
            return f"a check {check}{about} that {outcome}"
        case DeedOrder(first=first, before=before):
            return f"that {first.words} before {before.words}"
        case PluginDetector(detector=name, options=options):
            keys = ", ".join(f"{key}: {value}" for key, value in options.items())
            return f"what the detector {name} finds" + (f" ({keys})" if keys else "")


def _of_pattern(pattern: CodePattern) -> str:
    names = " or ".join(pattern.names)
    what = {
        "calls": f"calls of {names}",
        "attributes": f"mentions of {names}",
        "imports": f"imports of {names}",
        "excepts": f"handlers of {names}{' that do nothing' if pattern.silent else ''}",
    }[pattern.place]
    without = f" without {' or '.join(pattern.without)}" if pattern.without else ""
    given = "".join(f" with {name}={value!r}" for name, value in pattern.given.items())
    where = {"answer": "in the answer", "tests": "in its tests", "anywhere": "in the code"}
    return f"{what}{without}{given} {where[pattern.within]}"
