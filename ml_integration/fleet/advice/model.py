"""Advice about a model and how it is executed."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.core.resources import NEAR_BUDGET
from ml_integration.fleet.advice import Advice
from ml_integration.fleet.situation import Situation

MUCH_DROPPED = 0.2
HEAVY_MS = 3.0
"""Preparation that is worth looking at [ms]."""


def slow(situation: Situation) -> Iterator[Advice]:
    """Finds a model that is slower than its frames come."""
    infer_ms, frames_hz = situation.p50_ms('infer'), situation.frames_hz
    if situation.drop_share > MUCH_DROPPED and infer_ms * frames_hz > 1e3:
        yield Advice(
            'slow_model',
            f'a run takes {infer_ms:.1f} ms, and a frame comes every {1e3 / frames_hz:.1f} ms; '
            f'{situation.drop_share:.0%} are dropped',
            'the model is too slow for this rate on this machine',
            'ask ml_tune what helps; a smaller or quantized model or a GPU if that is not enough, '
            'or a camera at the rate of the results',
            f'{frames_hz:.0f} instead of {situation.number("results", "rate [Hz]"):.0f} results '
            'per second',
        )


def preparation(situation: Situation) -> Iterator[Advice]:
    """Finds a node that spends more on making tensors than on the model."""
    prepare_ms, infer_ms = situation.p50_ms('decode', 'encode'), situation.p50_ms('infer')
    if prepare_ms > max(infer_ms, HEAVY_MS):
        yield Advice(
            'preparation',
            f'decoding and encoding take {prepare_ms:.1f} ms, the model {infer_ms:.1f} ms',
            'large or compressed pictures are made small for each run',
            'let the camera publish raw pictures near the size of the model',
            f'up to {prepare_ms:.1f} ms',
        )


def unoptimized(situation: Situation) -> Iterator[Advice]:
    """Finds a graph that the engine was told not to optimize."""
    level = situation.text('model', 'graph optimization')
    if level not in ('', 'all'):
        yield Advice(
            'unoptimized',
            f"the graph optimization is '{level}', and a run takes "
            f'{situation.p50_ms("infer"):.1f} ms',
            'operators are not fused',
            'set -p execution.graph_optimization:=all and configure again',
            'often a tenth to a third of a run; ml_tune measures it',
        )


def provider(situation: Situation) -> Iterator[Advice]:
    """Finds a model that does not run where it should."""
    reason = situation.text('model', 'fallback')
    if reason:
        yield Advice(
            'provider',
            f'it runs on {situation.text("model", "provider")}, in '
            f'{situation.p50_ms("infer"):.1f} ms',
            reason,
            'install the engine for that device (onnxruntime-gpu), or set execution.providers',
            'what the device promises; ml_tune measures it where it is there',
        )


def batchable(situation: Situation) -> Iterator[Advice]:
    """Finds streams that run in turn although the model could run them together."""
    free = [shape[0] is None for shape in situation.tensors.values() if shape]
    wait_ms, infer_ms = situation.p50_ms('wait'), situation.p50_ms('infer')
    together = situation.number('latency', 'frames per run')
    if situation.streams > 1 and free and all(free) and together < 1.5 and wait_ms > infer_ms:
        yield Advice(
            'batchable',
            f'{situation.streams} streams run in turn and wait {wait_ms:.1f} ms for runs of '
            f'{infer_ms:.1f} ms',
            "the model's batch is free, and not used",
            f'set -p batch.max_size:={situation.streams} and configure again',
            f'up to {wait_ms:.1f} ms where a batch takes no longer than a frame (a GPU, a small '
            'model)',
        )


def memory(situation: Situation) -> Iterator[Advice]:
    """Finds a process that is near its memory budget."""
    rss_mb = situation.number('resources', 'rss [MB]')
    budget_mb = situation.number('resources', 'memory budget [MB]')
    if budget_mb > 0 and rss_mb > NEAR_BUDGET * budget_mb:
        yield Advice(
            'memory',
            f'the process has {rss_mb:.0f} of {budget_mb:.0f} MB',
            'the next model will not fit beside the serving one',
            'set -p keep_previous:=false, or a larger memory_budget_mb',
            'the memory of the previous model',
        )
