"""Output tensors that are written again and again, instead of new ones for each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.datatypes import Array, Tensors

MAX_SHAPES = 8
"""Shapes of inputs whose outputs are kept; only models with free dimensions see more than one."""


@dataclass(frozen=True, slots=True)
class _Binding:
    """The engine's table of where tensors are, and the arrays that it names for the outputs."""

    table: Any
    outputs: dict[str, Array]


class BoundOutputs:
    """Runs a model into arrays of its own, which are valid until the next run.

    The first run with inputs of some shapes shows which shapes the outputs have. Models whose
    outputs have sizes that no input has, such as a number of objects, get new arrays each time.
    Used by one thread at a time.

    Args:
        engine: the engine's session.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._inputs = [item.name for item in engine.get_inputs()]
        self._outputs = [item.name for item in engine.get_outputs()]
        self._bindings: dict[tuple[tuple[int, ...], ...], _Binding] = {}
        self._predictable = _outputs_follow_inputs(engine)

    def run(self, tensors: Tensors, options: Any = None) -> Tensors:
        """Runs the model once; the engine's exceptions pass.

        Args:
            tensors: the inputs by name.
            options: the engine's own for this run.
        """
        if not self._predictable:
            return self._run_unbound(tensors, options)
        shapes = tuple(tensors[name].shape for name in self._inputs)
        binding = self._bindings.get(shapes)
        if binding is None:
            outputs = self._run_unbound(tensors, options)
            self._bind(shapes, outputs)
            return outputs
        for name in self._inputs:
            array = tensors[name]
            if not array.flags.c_contiguous:
                array = np.ascontiguousarray(array)
            binding.table.bind_cpu_input(name, array)
        try:
            binding.table.synchronize_inputs()  # these two are for other devices than the CPU
            self._engine.run_with_iobinding(binding.table, options)
            binding.table.synchronize_outputs()
        except Exception:
            if options is not None and options.terminate:
                raise
            outputs = self._run_unbound(tensors, options)
            # It could run after all: the model states sizes that its outputs do not have.
            self._predictable = False
            self._bindings.clear()
            return outputs
        return dict(binding.outputs)

    def _run_unbound(self, tensors: Tensors, options: Any) -> dict[str, Array]:
        arrays = self._engine.run(self._outputs, tensors, options)
        return dict(zip(self._outputs, arrays, strict=True))

    def _bind(self, shapes: tuple[tuple[int, ...], ...], like: Tensors) -> None:
        if len(self._bindings) == MAX_SHAPES:
            del self._bindings[next(iter(self._bindings))]
        table = self._engine.io_binding()
        outputs = {name: np.empty_like(like[name], order='C') for name in self._outputs}
        for name, array in outputs.items():
            table.bind_output(name, 'cpu', 0, array.dtype, array.shape, array.ctypes.data)
        self._bindings[shapes] = _Binding(table, outputs)


def _outputs_follow_inputs(engine: Any) -> bool:
    """Tells whether each size of each output is fixed or has the name of a size of an input."""
    named = {size for item in engine.get_inputs() for size in item.shape if isinstance(size, str)}
    return all(
        size in named if isinstance(size, str) else isinstance(size, int) and size > 0
        for item in engine.get_outputs()
        for size in item.shape
    )
