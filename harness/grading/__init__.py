"""How one submission becomes one grade; ``page`` is where to begin reading."""

from harness.grading.page import grade
from harness.grading.plan import Plan

__all__ = ["Plan", "grade"]
