"""Changed models as candidates: made once, measured like the others, and compared in accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ml_integration.core.contracts import Backend
from ml_integration.errors import ModelError
from ml_integration.store.package.package import ModelPackage
from ml_integration.tuning.agreement import Agreement, agreement
from ml_integration.tuning.candidates import Candidate
from ml_integration.tuning.child import ChildError
from ml_integration.tuning.crew import Task
from ml_integration.tuning.variants import variants_of, write_variant


@dataclass(slots=True)
class Changed:
    """Changed models.

    Attributes:
        package: the model as it is.
        backend: converts it.
        folder: where the packages are written, in a folder for each change.
        task: what they are measured on.
        scratch: where processes write what went wrong.
        agreements: how far results are from those of the model as it is, by change.
        refused: why a change cannot be had, by change.
    """

    package: ModelPackage
    backend: Backend
    folder: Path
    task: Task
    scratch: Path
    agreements: dict[str, Agreement] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def candidates(self, default: Candidate) -> Iterator[Candidate]:
        """Makes and compares the packages; those that cannot be had are only noted."""
        version = self.package.manifest.version + 1
        for name in variants_of(self.package, self.backend):
            place = self.folder / name.replace(' ', '_')
            try:
                written = write_variant(self.package, name, self.backend, place, version)
                trial = self.task.trial(default)
                log = self.scratch / 'agreement.log'
                self.agreements[name] = agreement(trial, str(written), log)
            except (ModelError, ChildError) as error:
                self.refused[name] = str(error)
                continue
            yield replace(default, variant=name, package=str(written))
