"""Session of a loaded ONNX model."""

from __future__ import annotations

import importlib
import weakref
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import Any

import numpy as np

from ml_integration.backends.onnx_runtime.causes import shortened
from ml_integration.core.datatypes import Array, Tensors, TensorSpec
from ml_integration.core.process_memory import return_freed_memory
from ml_integration.core.watchdog import WATCHDOG
from ml_integration.errors import DeadlineError, InferenceError, ModelLoadError

_DTYPES = {
    'tensor(float)': 'float32', 'tensor(double)': 'float64', 'tensor(float16)': 'float16',
    'tensor(bool)': 'bool', 'tensor(int8)': 'int8', 'tensor(uint8)': 'uint8',
    'tensor(int16)': 'int16', 'tensor(uint16)': 'uint16', 'tensor(int32)': 'int32',
    'tensor(uint32)': 'uint32', 'tensor(int64)': 'int64', 'tensor(uint64)': 'uint64',
}  # fmt: skip
FATAL = 4
"""What the engine writes on the terminal about a run; the rest is in what it raises."""
MAX_SHAPES = 8
"""Shapes of inputs whose outputs are kept; only models with free dimensions see more than one."""


class OnnxRuntimeSession:
    """Session of a loaded ONNX model; see `ml_integration.core.contracts.Session`.

    Args:
        engine: the engine's own session.
        model: `name@version`, for errors.
        fallback: reason why the device is not the one that was asked for first; empty if it is.
        cpus: CPUs for the thread that runs it; empty for any.
        from_cache: whether it executes what was made of the model some other time.
        threads: that work on one run, the calling one included.
        spinning: how they wait for work.
        graph_optimization: how far its graph is optimized.
        shrinks: whether it returns memory of tensors after each run.
    """

    def __init__(
        self,
        engine: Any,
        model: str,
        fallback: str = '',
        cpus: frozenset[int] = frozenset(),
        from_cache: bool = False,
        threads: int = 0,
        spinning: str = '',
        graph_optimization: str = '',
        shrinks: bool = False,
    ) -> None:
        self.inputs = tuple(_spec(item, model, 'input') for item in engine.get_inputs())
        self.outputs = tuple(_spec(item, model, 'output') for item in engine.get_outputs())
        self.device = str(engine.get_providers()[0])
        self.fallback = fallback
        self.cpus = cpus
        self.from_cache = from_cache
        self.threads = threads
        self.spinning = spinning
        self.graph_optimization = graph_optimization
        self._shrinks = shrinks
        described = engine.get_modelmeta()
        self.metadata = {'producer': described.producer_name, **described.custom_metadata_map}
        self._engine: Any = engine
        self._bound: BoundOutputs | None = BoundOutputs(engine)
        self._new_options = importlib.import_module('onnxruntime').RunOptions
        self._options: Any = None
        self._model = model
        self._names = {spec.name for spec in self.inputs}
        self._expected = [(spec, np.dtype(spec.dtype)) for spec in self.inputs]

    def run(self, tensors: Tensors, deadline_ns: int | None = None) -> Tensors:
        """Runs the model once.

        Args:
            tensors: the inputs by name.
            deadline_ns: when the engine stops between two nodes of the graph [ns, steady clock].

        Raises:
            DeadlineError: it was stopped.
            InferenceError: a tensor is not what the model takes, or the engine failed.
        """
        if self._bound is None:
            raise self._closed()
        self._check(tensors)
        began_ns, options = monotonic_ns(), self._new_options()
        options.log_severity_level = FATAL
        if self._shrinks:
            options.add_run_config_entry('memory.enable_memory_arena_shrinkage', 'cpu:0')
        watched = None
        self._options = options
        try:
            if deadline_ns is not None:
                if deadline_ns <= began_ns:
                    raise DeadlineError(self._model, 0.0)
                watched = WATCHDOG.watch(deadline_ns, partial(_terminate, options))
            return self._bound.run(tensors, options)
        except DeadlineError:
            raise
        except Exception as error:  # the engine's own exceptions have no common base
            if options.terminate:
                raise DeadlineError(self._model, (monotonic_ns() - began_ns) / 1e6) from error
            raise InferenceError(self._model, shortened(str(error))) from error
        finally:
            self._options = None
            if watched is not None:
                WATCHDOG.leave(watched)

    def interrupt(self) -> None:
        options = self._options
        if options is not None:
            _terminate(options)

    def share(self) -> OnnxRuntimeSession:
        if self._engine is None:
            raise self._closed()
        return OnnxRuntimeSession(
            self._engine,
            self._model,
            self.fallback,
            self.cpus,
            self.from_cache,
            self.threads,
            self.spinning,
            self.graph_optimization,
            self._shrinks,
        )

    def close(self) -> None:
        if self._engine is None:
            return
        engine = weakref.ref(self._engine)
        self._engine = self._bound = None
        if engine() is None:  # nobody else runs this model
            return_freed_memory()

    def _closed(self) -> InferenceError:
        return InferenceError(self._model, 'the session is closed')

    def _check(self, tensors: Tensors) -> None:
        if tensors.keys() != self._names:
            raise InferenceError(
                self._model, f'got the inputs {sorted(tensors)}, expected {sorted(self._names)}'
            )
        for spec, dtype in self._expected:
            array = tensors[spec.name]
            # The engine reads big-endian numbers as if they were little-endian, hence both.
            if array.dtype != dtype or not spec.holds(array):
                got = TensorSpec(spec.name, str(array.dtype), array.shape)
                raise InferenceError(self._model, f'got the input {got}, expected {spec}')


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

    def run(self, tensors: Tensors, options: Any) -> Tensors:
        """Runs the model once; the engine's exceptions pass.

        Args:
            tensors: the inputs by name.
            options: the engine's own for this run, by which another thread may end it.
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
            if options.terminate:
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


def _spec(item: Any, model: str, role: str) -> TensorSpec:
    if item.type not in _DTYPES:
        raise ModelLoadError(
            model,
            f"{role} '{item.name}' is a {item.type}, which cannot be used here",
            'Only tensors of numbers can; export the model so (for scikit-learn: zipmap=False).',
        )
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in item.shape)
    return TensorSpec(item.name, _DTYPES[item.type], shape)


def _terminate(options: Any) -> None:
    """Ends a run before the next node of its graph; the node under way is finished first."""
    options.terminate = True
