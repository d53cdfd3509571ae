"""Solutions folders, single files and JSON Lines in; ``Submission`` and ``Arm`` values out.

A layout that is not understood is the caller's fault and raises ``SubmissionError``. Content
that cannot be run is the submission's own fault and is kept as ``Submission.problem``.
"""

from harness.read.submissions.arms import arms
from harness.read.submissions.aside import Aside
from harness.read.submissions.asked import Asked
from harness.read.submissions.content import MAX_BYTES
from harness.read.submissions.layout import discover, each, order, read_every, read_one
from harness.read.submissions.reply import Snippet, snippets
from harness.read.submissions.told import Told, told

__all__ = [
    "MAX_BYTES",
    "Aside",
    "Asked",
    "Snippet",
    "Told",
    "arms",
    "discover",
    "each",
    "order",
    "read_every",
    "read_one",
    "snippets",
    "told",
]
