"""Where models come from, and what becomes of them when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import go_on
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.trust.policy import Trust


class Load(Protocol):
    """Makes a pipeline of a package and lets it prove itself."""

    def __call__(
        self, package: ModelPackage, *, fresh: bool = False, pause: Callable[[], None] = go_on
    ) -> Pipeline:
        """Does it.

        Args:
            package: the verified model.
            fresh: load the model again also where this process has loaded it already.
            pause: is called before each step that takes the CPU from others.
        """


@dataclass(frozen=True, slots=True)
class Source:
    """Where models come from and how they are made to run.

    Attributes:
        store: where they are found.
        trust: what a package has to show before it is loaded.
        load: makes a pipeline of a package.
        keep: writes to disk what loading has made for the next time.
    """

    store: ModelStore
    trust: Trust
    load: Load
    keep: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified package, without its bytes, and the pipeline that was made of it."""

    package: ModelPackage
    pipeline: Pipeline

    @property
    def identity(self) -> ModelIdentity:
        return self.pipeline.model.identity
