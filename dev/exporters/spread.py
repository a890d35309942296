"""Random weights with which a model's results differ as those of a trained one do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

_FREE = ('query', 'token', 'position', 'label_embed')
"""Parts of names of weights that are vectors of their own, not sums over inputs."""
_LOOK = ('q_proj', 'k_proj', 'query.', 'key.')
"""Parts of names of the layers that decide where a transformer looks."""


def spread(model: Any, heads: Sequence[str], factor: float) -> None:
    """Draws all weights anew, the same ones on every run.

    As libraries draw them, every place of a picture and every query gives nearly the same, and a
    comparison would prove little.

    Args:
        model: the network.
        heads: parts of the names of the layers that give the scores.
        factor: what the weights of these are multiplied with, so that scores are clear.
    """
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                free = any(part in name for part in _FREE) and not any(
                    part in name for part in ('proj', *_LOOK)
                )
                weight.normal_(0.0, 1.0 if free else (2 / weight[0].numel()) ** 0.5)
            elif name.endswith('bias'):
                weight.normal_(0.0, 0.2)
            else:  # of a normalization
                weight.fill_(1.0)
            if any(part in name for part in heads):
                weight.mul_(factor)
            if any(part in name for part in _LOOK):
                weight.mul_(3.0)
            if 'bbox' in name:  # not as wide as a sigmoid lets them be
                weight.mul_(0.6)
