"""Skill folders in, typed scenarios out; the only place that knows the YAML format.

A skill folder holds ``skill.yaml``, one ``<id>.yaml`` per scenario, ``oracles.py`` and
``provided/``. The format itself is ``docs/schema/*.schema.json``, generated from ``schema``.
"""

from harness.read.scenarios.library import Library, ids_beside, load, scenario_files

__all__ = ["Library", "ids_beside", "load", "scenario_files"]
