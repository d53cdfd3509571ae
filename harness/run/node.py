"""What a node of a cluster does: it grades batches in processes of its own."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from harness.errors import HarnessError, ScenarioError
from harness.model import Grade, Scenario, Submission
from harness.sandbox.tier import TIERS


@dataclass(frozen=True)
class Parcel:
    """A scenario with the files that its oracles are made of: a node need not see ours."""

    scenario: Scenario
    # Path below the folder of its skill -> content.
    files: Mapping[str, bytes]
    # SHA-256 over all of it.
    digest: str

    @classmethod
    def of(cls, scenario: Scenario) -> Parcel:
        """Raises ``ScenarioError`` where a file cannot be read."""
        folder = scenario.path.parent
        files, digest = {}, hashlib.sha256(scenario.fingerprint.encode())
        try:
            for path in (folder / "oracles.py", *sorted((folder / "provided").glob("*.py"))):
                name = path.relative_to(folder).as_posix()
                files[name] = path.read_bytes()
                digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
        except OSError as error:
            raise ScenarioError(
                f"{error.filename}: cannot be read: {error.strerror}, and nodes need it; see that "
                "it is there and may be read"
            ) from error
        return cls(scenario, files, digest.hexdigest())

    def unpack(self, below: Path) -> Scenario:
        """The scenario, its files in a folder of their own ``below``."""
        folder = below / self.digest / self.scenario.path.parent.name
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return replace(self.scenario, path=folder / self.scenario.path.name)


class Node:
    """An actor of Ray. Its graders and candidates are no workers of Ray but processes of ours."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="py"))
        self._lock = Lock()
        # By the digest of their parcels.
        self._scenarios: dict[str, Scenario] = {}

    def start(self, seed: int, tier: str, jobs: int) -> HarnessError | None:
        """Start ``jobs`` graders, or say why that cannot be."""
        from harness.run.service import Service

        try:
            self._service = Service(seed=seed, tier=TIERS[tier], jobs=jobs)
        except HarnessError as error:
            return error
        return None

    def grade(
        self, batch: Sequence[tuple[Submission, str]], parcels: Mapping[str, Any]
    ) -> list[Grade | HarnessError]:
        """What came of each submission; with it stands the digest of its scenario's parcel.

        ``parcels`` holds by digest where Ray has them. Raises ``SandboxError`` where no grader
        can be started any more.
        """
        for digest in {digest for _, digest in batch}:
            self._unpack(digest, parcels)
        promises = [self._service.submit(one, self._scenarios[digest]) for one, digest in batch]
        return [promise.result() for promise in promises]

    def _unpack(self, digest: str, parcels: Mapping[str, Any]) -> None:
        import ray

        with self._lock:
            if digest not in self._scenarios:
                parcel: Parcel = ray.get(parcels[digest])
                self._scenarios[digest] = parcel.unpack(self._folder)

    def close(self) -> None:
        """End every process and remove what was unpacked."""
        if hasattr(self, "_service"):
            self._service.close()
        shutil.rmtree(self._folder, ignore_errors=True)
