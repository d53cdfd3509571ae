"""All arithmetic and statistics; what follows only prints."""

from harness.summary.decision import Decision, Verdict
from harness.summary.doses import DoseCurve, DoseRow
from harness.summary.effects import Effect, EffectKind
from harness.summary.gate import Gate, Threshold, gate
from harness.summary.numbers import Interval, PassAtK, Share, Tally, percent, points
from harness.summary.tables import Cell, Summary, summarise

__all__ = [
    "Cell",
    "Decision",
    "DoseCurve",
    "DoseRow",
    "Effect",
    "EffectKind",
    "Gate",
    "Interval",
    "PassAtK",
    "Share",
    "Summary",
    "Tally",
    "Threshold",
    "Verdict",
    "gate",
    "percent",
    "points",
    "summarise",
]
