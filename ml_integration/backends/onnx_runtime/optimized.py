"""Opens a model from the graph that the engine optimized the last time.

Optimizing takes most of the time of opening. The result has layouts that fit this CPU, so it is
kept under a key that names everything it depends on, and opened with nothing left to optimize.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ml_integration.backends.onnx_runtime.causes import shortened
from ml_integration.core.contracts import ArtifactCache
from ml_integration.core.cpus import cpu_kind
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings

LARGEST_BYTES = 64 * 1024 * 1024
"""Size of the largest model whose graph is kept. Larger ones are mostly weights: to read and
check a second copy of them takes longer than to optimize again."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Session of the engine, and where it is from.

    Attributes:
        session: the engine's own.
        from_cache: whether it executes what the engine made of the model some other time.
    """

    session: Any
    from_cache: bool


Open = Callable[[bytes, Any], Any]
"""Makes the engine's session of a model's bytes and options."""


def open_optimized(
    engine: Any,
    content: ModelContent,
    settings: ExecutionSettings,
    options: Callable[[], Any],
    opened: Open,
    cache: ArtifactCache,
) -> Opened:
    """Opens the kept graph; if there is none, or it is refused, opens the model and keeps it.

    Args:
        engine: the engine's module.
        content: the model; it may have no external weights.
        settings: how it is executed.
        options: makes the options that these settings mean.
        opened: makes a session of bytes and options; its exceptions pass.
        cache: where graphs are kept.
    """
    key = _key(engine, content, settings)
    graph = cache.get(key)
    if graph is not None:
        nothing_left = options()
        nothing_left.graph_optimization_level = engine.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            return Opened(opened(graph, nothing_left), from_cache=True)
        except Exception as error:  # the engine's own exceptions have no common base
            cache.drop(key, f'the engine refuses it: {shortened(str(error))}')
    try:
        with TemporaryDirectory(prefix='ml_integration_') as folder:
            saving, file = options(), Path(folder) / 'optimized.onnx'
            saving.optimized_model_filepath = str(file)
            session = opened(content.model, saving)
            cache.put(key, file.read_bytes())
            return Opened(session, from_cache=False)
    except Exception:  # it could not be saved, or it cannot be opened at all
        return Opened(opened(content.model, options()), from_cache=False)


def _key(engine: Any, content: ModelContent, settings: ExecutionSettings) -> str:
    """Returns a key that names everything that the optimized graph depends on."""
    digest = content.identity.sha256 or hashlib.sha256(content.model).hexdigest()
    parts = (digest, engine.__version__, settings.graph_optimization, cpu_kind())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
