"""Imported for its effect by the process that graders are forked from.

Whatever a first grade loads, builds or fits is there before the fork, so that every
grader shares it instead of holding its own.
"""

from __future__ import annotations

import contextlib
import gc
import warnings

import torch

import harness.executors.worker  # noqa: F401  # what a grader runs
from harness import library
from harness.checks.text import classifier
from harness.sandbox.inside import serve


def warm_up() -> None:
    """Grade one wrong function in this process, and look at one sentence."""
    torch.set_num_threads(1)
    serve.warm_up()
    with contextlib.suppress(library.CheckFailed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.linspace(-1, 1, 12).reshape(3, 4)
        library.check(torch.sin, torch.cos, example, double_backward=True)
    classifier.trained().opinion("It is right on paper, so I did not run it.")
    # A collection in a grader would write to every object, and so copy what is shared.
    gc.collect()
    gc.freeze()


warm_up()
