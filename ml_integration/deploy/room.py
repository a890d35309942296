"""Makes room for a model that is to be loaded beside those that are open."""

from __future__ import annotations

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.memory_budget import MemoryBudget
from ml_integration.deploy.open_models import OpenModels
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import Edition

COPIES = 6
"""Most times that a model is open beside itself for the choice of its threads, on many CPUs."""


class Room:
    """Gives the kept previous model back where a new one would not fit beside it.

    What serves is never touched for it. Used by one load at a time.

    Args:
        models: the open models.
        budget: the memory that the process may take.
    """

    def __init__(self, models: OpenModels, budget: MemoryBudget) -> None:
        self._models = models
        self._budget = budget
        self._given_back = ''

    def require(self, manifest: Manifest) -> None:
        """Refuses a model for which there cannot be room; changes nothing.

        Raises:
            MemoryBudgetError: there cannot.
        """
        if self._is_kept(manifest):
            return
        kept = self._models.previous
        spare_mb = self._budget.takes(kept.package.manifest).kept_mb if kept else 0.0
        self._budget.require(manifest, spare_mb)

    def make(self, manifest: Manifest) -> None:
        """Makes room for a model, before its files are read.

        Raises:
            MemoryBudgetError: there is not enough, or would not be.
        """
        self.require(manifest)
        self._given_back = ''
        if self._budget.lacks(manifest) and not self._is_kept(manifest):
            self._give_back()
            self._budget.require(manifest)
        self._budget.begin()

    def check(self, manifest: Manifest) -> None:
        """Looks what it really took, after the model was loaded and tested.

        Raises:
            MemoryBudgetError: too much; the model has to be closed again.
        """
        self._budget.end(manifest)
        if self._budget.exceeded() and not self._is_kept(manifest):
            self._give_back()
        self._budget.confirm(manifest)

    def settle(self, package: ModelPackage, pipeline: Pipeline, loader: Loader) -> None:
        """Looks what a loaded model really took, and lets it choose its threads if there is room.

        Args:
            package: the verified model.
            pipeline: the same, loaded and tested.
            loader: has loaded it.

        Raises:
            ModelError: it took too much, or was ended; the model has to be closed again.
        """
        self.check(package.manifest)
        if not self._budget.lacks(package.manifest, COPIES):
            loader.settle(package, pipeline)

    def told(self) -> str:
        """Returns what has been given back for the last model; empty if nothing was."""
        given = self._given_back
        return given and f'; {given} is not kept in memory any more, as memory_budget_mb has it'

    def write(self) -> None:
        """Writes what was measured to disk."""
        self._budget.write()

    def _give_back(self) -> None:
        kept = self._models.previous
        if kept is not None:
            self._given_back = str(kept.identity)
            self._models.give_back_previous()

    def _is_kept(self, manifest: Manifest) -> bool:
        """Tells whether a model is the kept one, whose memory it shares."""
        kept = self._models.previous
        return kept is not None and kept.edition.matches(Edition.of(manifest))
