"""Puts the scenarios, skills and solutions of the repository into the wheel, as harness/shipped/.

All else about the package is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build

SHIPPED = ("scenarios", "skills", "solutions")


class build_shipped(Command):  # noqa: N801, setuptools calls a command by its class's name
    """Copies them beside the built modules; an editable install reads them where they are."""

    editable_mode = False
    user_options = ()

    def initialize_options(self):
        self.build_lib = None

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def get_source_files(self):
        return [
            str(path)
            for folder in SHIPPED
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        ]

    def get_output_mapping(self):
        if self.editable_mode:
            return {}
        return {str(self._place / source): source for source in self.get_source_files()}

    def get_outputs(self):
        return list(self.get_output_mapping())

    def run(self):
        # A file that an earlier build left must not ship.
        shutil.rmtree(self._place, ignore_errors=True)
        for place, source in self.get_output_mapping().items():
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)

    @property
    def _place(self):
        return Path(self.build_lib, "harness", "shipped")


build.sub_commands = [*build.sub_commands, ("build_shipped", None)]
setup(cmdclass={"build_shipped": build_shipped})
