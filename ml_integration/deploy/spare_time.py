"""Loads models that run beside the one that serves, in the time that it leaves."""

from __future__ import annotations

from dataclasses import replace

from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.nice_session import NiceSession
from ml_integration.store.package.package import ModelPackage


def load_for_spare_time(loader: Loader, package: ModelPackage) -> Pipeline:
    """Loads a model whose runs have the lowest priority, on a single thread of their own.

    More threads would be shared with what serves, at its priority.

    Args:
        loader: of the models that serve.
        package: the verified model.

    Raises:
        ModelError: it cannot be had.
    """
    execution = replace(loader.execution, intra_op_threads=1, spinning='never')
    pipeline = replace(loader, execution=execution, streams=1).load(package)
    pipeline.session = NiceSession(pipeline.session, 'ml_shadow_run')
    return pipeline
