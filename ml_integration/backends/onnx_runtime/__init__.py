"""Executes ONNX models with ONNX Runtime.

The engine is imported when it is first needed, so that listing models does not need it.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ml_integration.backends.onnx_runtime.causes import cause, shortened
from ml_integration.backends.onnx_runtime.conversions import CONVERSIONS, converted
from ml_integration.backends.onnx_runtime.optimized import (
    LARGEST_BYTES,
    Opened,
    open_optimized,
)
from ml_integration.backends.onnx_runtime.options import (
    CPU,
    TENSORRT,
    division_of,
    intra_op_threads,
    provider_options,
    session_options,
    spinning,
    takes_weights_from_memory,
)
from ml_integration.backends.onnx_runtime.session import OnnxRuntimeSession
from ml_integration.backends.onnx_runtime.weights import check_weights
from ml_integration.core.contracts import ArtifactCache
from ml_integration.core.cpus import Division
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError


class OnnxRuntime:
    """Backend for ONNX models; see `ml_integration.core.contracts.Backend`."""

    formats = ('onnx',)
    conversions = CONVERSIONS

    def available(self) -> tuple[str, ...]:
        try:
            return tuple(_engine().get_available_providers())
        except ImportError:
            return ()

    def version(self) -> str:
        try:
            return str(_engine().__version__)
        except ImportError:
            return ''

    def convert(self, content: ModelContent, to: str) -> bytes:
        return converted(content, to)

    def open(
        self,
        content: ModelContent,
        settings: ExecutionSettings,
        cache: ArtifactCache | None = None,
    ) -> OnnxRuntimeSession:
        """Opens a session; providers that are not here, or do not start, are skipped.

        Raises:
            ModelLoadError: the engine is not installed, or refuses the model or a setting.
        """
        model = str(content.identity)
        try:
            _engine()
        except ImportError as error:
            hint = 'Install it: pip install onnxruntime.'
            raise ModelLoadError(model, str(error), hint) from error
        here = self.available()
        wanted = settings.providers[0] if settings.providers else CPU
        usable = [name for name in settings.providers if name in here] or [CPU]
        reason = '' if wanted in here else f'here are: {", ".join(here)}'
        try:
            division = division_of(settings, usable)
            opened = _opened(content, settings, usable, division, cache)
        except ModelLoadError as error:
            if usable == [CPU] or settings.require_provider:
                raise
            reason = shortened(str(error.__cause__ or error))
            division = division_of(settings, [CPU])
            opened = _opened(content, settings, [CPU], division, cache)
        device = str(opened.session.get_providers()[0])
        fallback = ''
        if device != wanted:
            reason = reason or 'it could not be started, the engine has logged why'
            fallback = f"provider '{wanted}' cannot be used, '{device}' is: {reason}"
        if fallback and settings.require_provider:
            raise ModelLoadError(model, fallback)
        cpus = division.caller if division is not None else frozenset[int]()
        return OnnxRuntimeSession(
            opened.session,
            model,
            fallback,
            cpus,
            opened.from_cache,
            intra_op_threads(settings),
            spinning(settings),
            settings.graph_optimization,
            settings.shrink_arena and settings.memory_arena,
        )


def _engine() -> Any:
    return importlib.import_module('onnxruntime')


def _opened(
    content: ModelContent,
    settings: ExecutionSettings,
    providers: Sequence[str],
    division: Division | None,
    cache: ArtifactCache | None,
) -> Opened:
    """Opens the engine's session; the CPU does what the providers cannot."""
    engine = _engine()
    names = [*providers, *({CPU} - set(providers))]
    folder = None
    if cache is not None and TENSORRT in providers:
        folder = cache.folder(hashlib.sha256(content.model).hexdigest())
    kept = folder is not None and any(folder.glob('*'))

    def options() -> Any:
        return session_options(engine, content, settings, division)

    def opened(model: bytes, its_options: Any) -> Any:
        # Also what comes from the cache.
        check_weights(replace(content, model=model), takes_weights_from_memory(engine))
        return engine.InferenceSession(
            model,
            its_options,
            providers=names,
            provider_options=provider_options(names, settings, folder),
            enable_fallback=False,
        )

    try:
        # What other providers have compiled cannot be saved with the graph.
        if cache is None or names != [CPU] or not _worth_keeping(content, settings):
            return Opened(opened(content.model, options()), from_cache=kept)
        return open_optimized(engine, content, settings, options, opened, cache)
    except ModelLoadError:
        raise
    except Exception as error:  # the engine's own exceptions have no common base
        raise ModelLoadError(str(content.identity), *cause(str(error))) from error


def _worth_keeping(content: ModelContent, settings: ExecutionSettings) -> bool:
    """Tells whether keeping the optimized graph is wanted, possible and saves time."""
    optimizes = settings.cache_optimized and settings.graph_optimization != 'disabled'
    return optimizes and not content.external and len(content.model) <= LARGEST_BYTES
