"""Summary and picture that the demo leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ml_integration.core.datatypes import Array
from ml_integration.demos.demo.node_report import NodeReport
from ml_integration.demos.demo.results import Results

TILE_WIDTH = 768


def in_sentences(results: Results, report: NodeReport) -> str:
    """The summary of a run that had results."""
    labels = results.labels()
    classes = ', '.join(f'{label} {count}' for label, count in labels.most_common(6))
    latency = results.latency
    lines = [
        f'model       {report.model}',
        f'detections  {labels.total()} in {len(results.all)} results: {classes}',
        f'rate        {results.hz:.1f} results/s, {report.dropped} of {report.received} frames '
        'dropped',
    ]
    if latency is not None:
        spent = f'p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms'
        lines.append(f'latency     {spent} from the stamp to the arrival of the result')
    lines.append(
        f'in the node {report.total_ms:.1f} ms per frame, {report.infer_ms:.1f} ms of it in the '
        f'engine: {report.share_outside_model:.0%} outside (medians)'
    )
    return '\n'.join(lines)


def mosaic(pictures: Sequence[Array]) -> Array:
    """Puts pictures of (H, W, 3) uint8 BGR into a grid, as wide as it is high in tiles."""
    columns = math.ceil(math.sqrt(len(pictures)))
    height = round(TILE_WIDTH * pictures[0].shape[0] / pictures[0].shape[1])
    tiles = [cv2.resize(p, (TILE_WIDTH, height), interpolation=cv2.INTER_AREA) for p in pictures]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(lines)


def write_picture(pictures: Sequence[Array], file: Path) -> None:
    """Writes the mosaic of `pictures`."""
    cv2.imwrite(str(file), mosaic(pictures))
