"""What runs on the candidate's side of the trust boundary.

This package is copied to a neutral folder and started from there, so that
nothing a candidate can see names what it is for. It imports nothing from the
rest of the project, holds no expected value, tolerance, seed or verdict, and
is written with the standard library and torch alone. The trusted side imports
``wire`` and ``layers`` from here, so that both sides agree on the format.
"""
