"""harness tells, by running code, whether an agent's skill holds under pressure."""

__version__ = "0.1.0"
