"""Holds a function of one's own to the grader's standard, in process, from a test-suite.

    harness.check(my_op, reference_op, x, beta)

The checks, their trials and their tolerances are those that grade submissions;
only the answers are computed here instead of in a sandbox. There is therefore
no protection from code that means harm: it is for code that one would run anyway.

``arguments`` reads the example, ``domain`` its sizes and ranges, ``subject`` calls both
functions, ``aspects`` lists the ways in which they are asked, ``asking`` puts the questions,
``bench`` and ``asked`` hold what is asked otherwise than of a submission, ``report`` is what
comes out.
"""

from harness.library.checking import check
from harness.library.report import CheckFailed, Report, UncheckedWarning

__all__ = ["CheckFailed", "Report", "UncheckedWarning", "check"]
