"""All arithmetic and statistics; what follows only prints."""

from harness.summary.numbers import Interval, Lift, PassAtK, Share, Tally, percent, points
from harness.summary.sentences import Gate, gate
from harness.summary.tables import Cell, Summary, summarise

__all__ = [
    "Cell",
    "Gate",
    "Interval",
    "Lift",
    "PassAtK",
    "Share",
    "Summary",
    "Tally",
    "gate",
    "percent",
    "points",
    "summarise",
]
