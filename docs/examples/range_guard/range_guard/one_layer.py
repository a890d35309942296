"""A backend: one layer of a network, in numpy. A real one wraps an engine in the same way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_integration.core.contracts import ArtifactCache
from ml_integration.core.datatypes import Array, ModelContent, Tensors, TensorSpec
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import InferenceError, ModelLoadError


class OneLayer:
    """Opens the format `one_layer`: an .npz with `weights` (inputs, outputs) and `bias`."""

    formats = ('one_layer',)

    def available(self) -> tuple[str, ...]:
        """Returns the devices to choose from."""
        return ('numpy',)

    def open(
        self,
        content: ModelContent,
        settings: ExecutionSettings,
        cache: ArtifactCache | None = None,
    ) -> Session:
        """Opens a session from the bytes that were verified, never from a file."""
        try:
            with np.load(io.BytesIO(content.model), allow_pickle=False) as arrays:
                weights, bias = arrays['weights'], arrays['bias']
        except (ValueError, KeyError, OSError) as error:
            raise ModelLoadError(str(content.identity), f'this is no layer: {error}') from error
        return Session(weights, bias)


class Session:
    """A layer that is ready to run."""

    device = 'numpy'
    fallback = ''
    from_cache = False
    threads, spinning, graph_optimization = 1, 'never', ''
    cpus: frozenset[int] = frozenset()
    metadata: Mapping[str, str] = {}

    def __init__(self, weights: Array, bias: Array) -> None:
        self._weights, self._bias = weights, bias
        self.inputs = (TensorSpec('scan', 'float32', (1, len(weights))),)
        self.outputs = (TensorSpec('risk', 'float32', (1, len(bias))),)

    def run(self, tensors: Tensors, deadline_ns: int | None = None) -> dict[str, Any]:
        """Computes sigmoid(scan @ weights + bias)."""
        try:
            sums = tensors['scan'] @ self._weights + self._bias
        except ValueError as error:
            raise InferenceError('one_layer', str(error)) from error
        return {'risk': (1 / (1 + np.exp(-sums))).astype(np.float32)}

    def interrupt(self) -> None:
        """Ends a run that hangs; this one cannot."""

    def share(self) -> Session:
        """Makes another session with the same weights."""
        return Session(self._weights, self._bias)

    def close(self) -> None:
        """Gives back memory; Python does."""
