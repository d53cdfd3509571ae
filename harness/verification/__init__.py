"""How far a submission went to verify itself.

``written`` finds the checks it carries, ``ran`` judges what they did when the harness ran them,
``recorded`` what a transcript shows of them, and ``decide`` weighs the three into one level.
"""

from harness.verification.decide import judge

__all__ = ["judge"]
