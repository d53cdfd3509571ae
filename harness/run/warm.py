"""What many graders have in common is done once, in the process that they are forked from."""

from __future__ import annotations

import contextlib
import warnings

import torch

from harness import library
from harness.words import weights


def warm_up() -> None:
    """Grade one wrong function in this process, and look at one sentence.

    Whatever a first grade loads, builds or fits is there before the fork then, so that every
    grader shares it instead of holding its own.
    """
    with contextlib.suppress(library.CheckFailed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.linspace(-1, 1, 12).reshape(3, 4)
        library.check(torch.sin, torch.cos, example, double_backward=True)
    weights.shares(weights.shipped(), "It is right on paper, so I did not run it.")
