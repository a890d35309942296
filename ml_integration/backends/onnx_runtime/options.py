"""Turns execution settings into the engine's own options."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_integration.core.cpus import Division, divide, process_cpus, usable_cpus
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings
from ml_integration.errors import ModelLoadError

CPU = 'CPUExecutionProvider'
CUDA = 'CUDAExecutionProvider'
TENSORRT = 'TensorrtExecutionProvider'
NOWHERE = '/dev/null'
"""A folder that holds no file. The engine would otherwise take the external weights of a model
that it opens from memory from the current directory, where nobody has verified them. It would
not find any, as `check_weights` comes first; engines older than 1.21 look there all the same."""
_ADD_FILES = 'add_external_initializers_from_files_in_memory'
_turns = itertools.count()
_LEVELS = {
    'disabled': 'ORT_DISABLE_ALL', 'basic': 'ORT_ENABLE_BASIC',
    'extended': 'ORT_ENABLE_EXTENDED', 'all': 'ORT_ENABLE_ALL',
}  # fmt: skip


def intra_op_threads(settings: ExecutionSettings) -> int:
    """Returns the number of threads of a session, the one that calls it included."""
    return settings.intra_op_threads or usable_cpus()


def spinning(settings: ExecutionSettings) -> str:
    """Returns how the threads of a session wait: 'never', 'within_run' or 'always' busily."""
    return 'never' if settings.spinning == 'auto' else settings.spinning


def division_of(settings: ExecutionSettings, providers: Sequence[str]) -> Division | None:
    """Divides the CPUs among the threads of a new session.

    Sessions take turns, and processes begin with different ones, so that not all callers have
    the same CPU.

    Returns:
        The division; None if the system is to decide.
    """
    fixed = settings.thread_affinity or settings.inter_op_threads > 1
    if not settings.pin_threads or fixed or list(providers) != [CPU]:
        return None
    return divide(process_cpus(), intra_op_threads(settings), os.getpid() + next(_turns))


def session_options(
    engine: Any, content: ModelContent, settings: ExecutionSettings, division: Division | None
) -> Any:
    """Makes the options of one session.

    Each session has a pool of its own, as large as the CPUs the process may use. The one pool
    that the engine can share among all sessions of a process always spins: 31 instead of 1.3 ms
    of CPU per frame for a small model at 30 Hz. A pool that does not spin costs nothing while
    its session is idle.

    Raises:
        ModelLoadError: `thread_affinity` is wrong.
    """
    options = engine.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = intra_op_threads(settings)
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
            f'session.{pool}.allow_spinning', str(int(spinning(settings) != 'never'))
        )
    if spinning(settings) == 'within_run':
        options.add_session_config_entry('session.force_spinning_stop', '1')
    affinity = settings.thread_affinity
    if affinity:
        _check_affinity(affinity, options.intra_op_num_threads - 1, content)
    elif division is not None:
        affinity = ';'.join(_counted_from_1(cpus) for cpus in division.helpers)
    if affinity:
        options.add_session_config_entry('session.intra_op_thread_affinities', affinity)
    options.add_session_config_entry(
        'session.model_external_initializers_file_folder_path', NOWHERE
    )
    options.add_session_config_entry('session.load_model_format', 'ONNX')
    if content.external and takes_weights_from_memory(engine):
        files = content.external
        getattr(options, _ADD_FILES)(
            list(files), list(files.values()), [len(data) for data in files.values()]
        )
    return options


def takes_weights_from_memory(engine: Any) -> bool:
    """Tells whether the engine can take external weights from memory: since 1.24."""
    return hasattr(engine.SessionOptions, _ADD_FILES)


def provider_options(
    providers: Sequence[str], settings: ExecutionSettings, folder: Path | None
) -> list[dict[str, str]]:
    """Returns the options of each provider.

    Args:
        providers: their names.
        settings: how models are executed.
        folder: where TensorRT may keep the engines that it takes minutes to build.
    """
    options: dict[str, dict[str, str]] = {
        # By default it doubles what it takes, and a swap has two models in its memory.
        CUDA: {'arena_extend_strategy': 'kSameAsRequested'},
    }
    if settings.gpu_memory_mb:
        options[CUDA]['gpu_mem_limit'] = str(settings.gpu_memory_mb * 1_000_000)
    if folder is not None:
        options[TENSORRT] = {
            'trt_engine_cache_enable': '1',
            'trt_engine_cache_path': str(folder),
            'trt_timing_cache_enable': '1',
            'trt_timing_cache_path': str(folder),
        }
    return [options.get(name, {}) for name in providers]


def _counted_from_1(cpus: frozenset[int]) -> str:
    return ','.join(str(cpu + 1) for cpu in sorted(cpus))


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
