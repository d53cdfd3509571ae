"""All arithmetic and statistics; what follows only prints."""

from harness.summary.doses import DoseCurve, DoseRow
from harness.summary.gate import Gate, gate
from harness.summary.numbers import Interval, Lift, PassAtK, Share, Tally, percent, points
from harness.summary.tables import Cell, Summary, summarise

__all__ = [
    "Cell",
    "DoseCurve",
    "DoseRow",
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
