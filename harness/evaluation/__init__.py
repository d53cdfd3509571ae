"""Our scenarios as a task of Inspect, our grading as its scorer, and logs made elsewhere.

Inspect finds them by the entry point ``harness``: ``inspect eval harness/pressure``. Needs the
extra ``inspect``; nothing else in the house imports this room.
"""

from harness.evaluation.scorer import verdict
from harness.evaluation.task import conversation, pressure

__all__ = ["conversation", "pressure", "verdict"]
