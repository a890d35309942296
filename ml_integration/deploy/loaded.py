"""A model that was loaded and tested: its package and its pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_integration.core.datatypes import ModelIdentity
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.job import Job, Loading
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import Edition


@dataclass(frozen=True, slots=True)
class Loaded:
    """Verified package, without its bytes, and the pipeline that was made of it.

    Attributes:
        package: the package.
        pipeline: the pipeline.
        load_s: how long it took to read, verify, open and test it [s].
    """

    package: ModelPackage
    pipeline: Pipeline
    load_s: float

    @staticmethod
    def of(package: ModelPackage, pipeline: Pipeline, job: Job) -> Loaded:
        """Makes one without the package's bytes, of which the session has its own copy.

        Args:
            package: the verified model.
            pipeline: the same, loaded and tested just now.
            job: what has loaded it.
        """
        return Loaded(package.without_bytes(), pipeline, Loading.of(job).for_s)

    @property
    def identity(self) -> ModelIdentity:
        """Identity of the model."""
        return self.pipeline.model.identity

    @property
    def seconds(self) -> Mapping[str, OpenSecondModel]:
        """Second models of its stages, by the stage's name."""
        seconds = self.pipeline.seconds.items()
        return {name: one for name, one in seconds if isinstance(one, OpenSecondModel)}

    @property
    def packages(self) -> tuple[ModelPackage, ...]:
        """All packages that serve with it: its own and those of its second models."""
        return self.package, *(second.package for second in self.seconds.values())

    @property
    def second_names(self) -> dict[str, str]:
        """`name@version` of the second models, by the stage's name."""
        return {stage: str(one.description.identity) for stage, one in self.seconds.items()}

    @property
    def edition(self) -> Edition:
        """Content that was loaded."""
        return Edition.of(self.package.manifest)
