"""Executes ONNX models with ONNX Runtime.

The engine is imported when it is first needed, so that listing models does not need it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ml_integration.core.datatypes import ModelContent, Tensors, TensorSpec
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import InferenceError, ModelLoadError

CPU = 'CPUExecutionProvider'
NOWHERE = '/dev/null'
"""A folder that holds no file. The engine would otherwise take the external weights of a model
that it opens from memory from the current directory, where nobody has verified them."""
_DTYPES = {
    'tensor(float)': 'float32', 'tensor(double)': 'float64', 'tensor(float16)': 'float16',
    'tensor(bool)': 'bool', 'tensor(int8)': 'int8', 'tensor(uint8)': 'uint8',
    'tensor(int16)': 'int16', 'tensor(uint16)': 'uint16', 'tensor(int32)': 'int32',
    'tensor(uint32)': 'uint32', 'tensor(int64)': 'int64', 'tensor(uint64)': 'uint64',
}  # fmt: skip
_LEVELS = {
    'disabled': 'ORT_DISABLE_ALL', 'basic': 'ORT_ENABLE_BASIC',
    'extended': 'ORT_ENABLE_EXTENDED', 'all': 'ORT_ENABLE_ALL',
}  # fmt: skip
_CAUSES = (
    (r'protobuf parsing failed|No graph was found',
     'the file is not an ONNX model, or it is truncated', 'Fetch or export it again.'),
    (r'Unsupported model IR version|Opset \d+ is under development|till opset \d+',
     'the model was exported for a newer ONNX than this ONNX Runtime knows',
     'Export it with a lower opset, or upgrade onnxruntime.'),
    (r'External file: (\S+) not found|/dev/null/([^"\]]+)',
     "the file '{}' with its external weights is missing",
     "List it under 'files' (needs onnxruntime 1.24), or save the model as one file."),
    (r'External initializer: .* out of bounds or can not be read',
     'a file with its external weights is too short', 'Fetch or export it again.'),
    (r'is not a registered function|No Op registered for',
     'the model needs an operator that ONNX Runtime does not have',
     'Export it with standard operators only.'),
    (r'NOT_IMPLEMENTED|Could not find an implementation',
     'the provider cannot execute one of the operators with these element types',
     'Export the model in float32, or choose another provider.'),
    (r'Type Error|INVALID_GRAPH', 'the graph of the model contradicts itself', 'Export it again.'),
)  # fmt: skip


class OnnxRuntime:
    """The backend; see `ml_integration.core.contracts.Backend`."""

    def available(self) -> tuple[str, ...]:
        try:
            return tuple(_engine().get_available_providers())
        except ImportError:
            return ()

    def open(self, content: ModelContent, settings: ExecutionSettings) -> OnnxRuntimeSession:
        """Opens a session; providers that are not here are skipped.

        Raises:
            ModelLoadError: the engine is not installed, or refuses the model or a setting.
        """
        model = str(content.identity)
        try:
            options = _options(_engine(), content, settings)
        except ImportError as error:
            hint = 'Install it: pip install onnxruntime.'
            raise ModelLoadError(model, str(error), hint) from error
        providers = [name for name in settings.providers if name in self.available()] or [CPU]
        try:
            session = _engine().InferenceSession(
                content.model, options, providers=providers, enable_fallback=providers != [CPU]
            )
        except Exception as error:  # the engine's own exceptions have no common base
            raise ModelLoadError(model, *_cause(str(error))) from error
        device = str(session.get_providers()[0])
        if settings.require_provider and device != settings.providers[0]:
            raise ModelLoadError(
                model,
                f"provider '{settings.providers[0]}' cannot be used, '{device}' would be",
                f'Here are: {", ".join(self.available())}.',
            )
        return OnnxRuntimeSession(session, model, device)


class OnnxRuntimeSession:
    """A loaded model; see `ml_integration.core.contracts.Session`."""

    def __init__(self, session: Any, model: str, device: str) -> None:
        self.inputs = tuple(_spec(item, model, 'input') for item in session.get_inputs())
        self.outputs = tuple(_spec(item, model, 'output') for item in session.get_outputs())
        self.device = device
        self._session = session
        self._model = model
        self._output_names = [spec.name for spec in self.outputs]
        self._names = {spec.name for spec in self.inputs}
        self._expected = [(spec, np.dtype(spec.dtype)) for spec in self.inputs]

    def run(self, tensors: Tensors) -> Tensors:
        """Runs the model once.

        Raises:
            InferenceError: a tensor is not what the model takes, or the engine failed.
        """
        if self._session is None:
            raise InferenceError(self._model, 'the session is closed')
        self._check(tensors)
        try:
            outputs = self._session.run(self._output_names, tensors)
        except Exception as error:  # the engine's own exceptions have no common base
            raise InferenceError(self._model, _shortened(str(error))) from error
        return dict(zip(self._output_names, outputs, strict=True))

    def close(self) -> None:
        self._session = None
        _return_freed_memory()

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


def usable_cpus(root: Path = Path('/')) -> int:
    """The number of CPUs this process may keep busy: its affinity and its cgroup's quota.

    A quota counts in whole CPUs, rounded down: a thread too many is throttled, and all wait.

    Args:
        root: the root of the file system to look at.
    """
    allowed = float(len(os.sched_getaffinity(0)))
    try:
        lines = (root / 'proc/self/cgroup').read_text().splitlines()
    except OSError:
        return int(allowed)
    for line in lines:
        _, controllers, path = line.split(':', 2)
        if controllers and 'cpu' not in controllers.split(','):
            continue
        mount = root / 'sys/fs/cgroup' / controllers  # v2 has no controllers in its line
        group = mount / path.lstrip('/')
        for folder in (group, *(p for p in group.parents if p.is_relative_to(mount))):
            allowed = min(allowed, _quota(folder))
    return max(1, int(allowed))


def _quota(folder: Path) -> float:
    """The CPUs a cgroup may use; infinite when it has no limit. Source: cgroups(7)."""
    try:
        if (folder / 'cpu.max').exists():
            quota, period = (folder / 'cpu.max').read_text().split()
        else:
            quota = (folder / 'cpu.cfs_quota_us').read_text().strip()
            period = (folder / 'cpu.cfs_period_us').read_text().strip()
        return int(quota) / int(period) if quota not in ('max', '-1') else float('inf')
    except (OSError, ValueError):
        return float('inf')


def _engine() -> Any:
    return importlib.import_module('onnxruntime')


def _options(engine: Any, content: ModelContent, settings: ExecutionSettings) -> Any:
    options = engine.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = settings.intra_op_threads or usable_cpus()
    options.inter_op_num_threads = settings.inter_op_threads
    parallel = settings.inter_op_threads > 1
    modes = engine.ExecutionMode
    options.execution_mode = modes.ORT_PARALLEL if parallel else modes.ORT_SEQUENTIAL
    levels = engine.GraphOptimizationLevel
    options.graph_optimization_level = getattr(levels, _LEVELS[settings.graph_optimization])
    options.enable_cpu_mem_arena = settings.memory_arena
    options.enable_mem_pattern = settings.memory_arena and not parallel
    for pool in ('intra_op', 'inter_op'):
        options.add_session_config_entry(
            f'session.{pool}.allow_spinning', str(int(settings.allow_spinning))
        )
    if settings.thread_affinity:
        _check_affinity(settings.thread_affinity, options.intra_op_num_threads - 1, content)
        options.add_session_config_entry(
            'session.intra_op_thread_affinities', settings.thread_affinity
        )
    options.add_session_config_entry(
        'session.model_external_initializers_file_folder_path', NOWHERE
    )
    # Older than 1.24 the engine refuses such models, as if the file was not there.
    add_files = getattr(options, 'add_external_initializers_from_files_in_memory', None)
    if content.external and add_files is not None:
        files = content.external
        add_files(list(files), list(files.values()), [len(data) for data in files.values()])
    return options


def _check_affinity(affinity: str, extra_threads: int, content: ModelContent) -> None:
    model = str(content.identity)
    groups = affinity.split(';')
    if not all(re.fullmatch(r'\d+(-\d+)?(,\d+(-\d+)?)*', group) for group in groups):
        raise ModelLoadError(model, f"thread_affinity '{affinity}' is not like '1;2;3' or '1-2;3'")
    if len(groups) != extra_threads:
        raise ModelLoadError(
            model,
            f"thread_affinity '{affinity}' is for {len(groups)} threads, but there are "
            f'{extra_threads} besides the calling one',
            'Give one group of CPUs for each of intra_op_threads but the first.',
        )
    numbers = [int(number) for number in re.findall(r'\d+', affinity)]
    if not 1 <= min(numbers) <= max(numbers) <= (os.cpu_count() or 1):
        raise ModelLoadError(
            model, f"thread_affinity '{affinity}' names a CPU outside 1 to {os.cpu_count()}"
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


def _cause(message: str) -> tuple[str, str]:
    """A human cause with the engine's message behind it, and what to do."""
    for pattern, cause, hint in _CAUSES:
        if found := re.search(pattern, message):
            name = next(filter(None, found.groups()), '')
            return f'{cause.format(name)} ({_shortened(message)})', hint
    return f'ONNX Runtime refuses the model ({_shortened(message)})', ''


def _shortened(message: str) -> str:
    """Without the engine's tag, source positions and line breaks; at most 200 characters."""
    tag, position = r'\[ONNXRuntimeError\] : \d+ : \w+ : ', r'\S*/\S+\.(cc|h):\d+ .*?\) (?=[A-Z])'
    text = ' '.join(re.sub(f'{tag}|{position}', '', message).split())
    return text if len(text) <= 200 else text[:197] + '...'


def _return_freed_memory() -> None:
    """Gives a closed session's memory back; glibc keeps it, and each model swap adds to it."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
