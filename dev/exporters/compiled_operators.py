"""A stand-in for torchvision's compiled operators, which fit only the torch they were built for.

A registry that has torch for the CPU alone may have torchvision for CUDA: it installs and does not
load, and then torchvision cannot even be imported, nor what is built on it.
"""

from __future__ import annotations

import inspect
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

_LIBRARY = torch.library.Library('torchvision', 'FRAGMENT')


def stand_in() -> None:
    """Defines what torchvision asks for at its import, unless its own operators load.

    To be called before torchvision is imported.
    """
    if _loads():
        return
    for name in ('nms', 'qnms'):
        _LIBRARY.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _LIBRARY.define(
        'roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, '
        'int pooled_width, int sampling_ratio, bool aligned) -> Tensor'
    )
    _LIBRARY.impl('nms', _nms, 'CPU')
    _LIBRARY.impl('roi_align', _roi_align, 'CPU')


def use_stand_in() -> None:
    """Lets torchvision's models use the stand-in, if it is there."""
    from torchvision import extension

    if not extension._has_ops():
        extension._has_ops = _yes
        vars(sys.modules['torchvision.ops.roi_align'])['_has_ops'] = _yes


def _yes() -> bool:  # compiled by torch.jit, which takes no lambda
    return True


def _loads() -> bool:
    spec = find_spec('torchvision')
    places = (spec.submodule_search_locations if spec else None) or ()
    for file in (file for place in places for file in Path(place).glob('_C*.so')):
        try:
            torch.ops.load_library(str(file))
        except OSError:
            continue
        return True
    return False


def _nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Keeps boxes (N, 4) that no better one covers more than the threshold; best first."""
    order = scores.argsort(descending=True, stable=True)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        high = torch.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = (high - low).clamp(min=0).prod(dim=1)
        order = order[shared <= iou_threshold * (areas[best] + areas[order] - shared)]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def _roi_align(*given: Any) -> Any:
    """Calls what torchvision itself has in Python for where its compiled operator is missing."""
    module = sys.modules['torchvision.ops.roi_align']  # whose name is one of a function as well
    return inspect.unwrap(module._roi_align)(*given)
