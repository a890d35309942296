"""Train a version of `shapes`: `python -m dev.training.train --version 2 --out out/shapes_2.pt`.

Needs `dev/pins/training.txt` (torch, CPU) beside the pins of the tests; takes 10 to 20 minutes on
one core. Another machine rounds differently and ends with other weights that are as good.
`python -m dev.training.publish` turns the weights into a model package.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import TypeVar

# mypy: disable-error-code="import-not-found"
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dev.training.loss import detection_loss
from dev.training.network import ShapesNet
from dev.training.releases import RELEASES, Release
from dev.training.samples import Samples, batches, make_samples

PEAK_RATE = 3e-3

T = TypeVar('T')


def new_network(release: Release) -> ShapesNet:
    """The network of a release, not trained."""
    return ShapesNet(
        len(release.labels), release.width, release.input_wh, release.preprocess.scale
    )


def train(release: Release, samples: Samples) -> ShapesNet:
    """Trains a release from nothing."""
    torch.manual_seed(release.version)
    random = np.random.default_rng(release.version)
    network = new_network(release)
    highest = 255.0 / release.preprocess.scale

    def loss(batch: Samples) -> Tensor:
        guesses = network(as_input(batch.images, highest))
        boxes, class_ids = torch.from_numpy(batch.boxes), torch.from_numpy(batch.class_ids)
        return detection_loss(guesses, network.cells, boxes, class_ids)

    epochs = (batches(samples, release.batch, random) for _ in range(release.epochs))
    fit(network, loss, epochs, release.epochs * (len(samples) // release.batch))
    return network


def as_input(images: NDArray[np.uint8], highest: float) -> Tensor:
    """Pictures (B, 3, H, W) as a network takes them, with values up to `highest`."""
    tensor = torch.from_numpy(images).float() * (highest / 255.0)
    return tensor.contiguous(memory_format=torch.channels_last)


def fit(
    network: nn.Module, loss_of: Callable[[T], Tensor], epochs: Iterable[Iterable[T]], steps: int
) -> None:
    """Makes a loss small.

    Args:
        network: what to train.
        loss_of: gives the loss of a batch.
        epochs: the batches.
        steps: how many there are in all.
    """
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=steps, pct_start=0.15
    )
    average, begin_s = 0.0, time.monotonic()
    for done, batch in enumerate(chain.from_iterable(epochs), 1):
        loss = loss_of(batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        average += (float(loss.detach()) - average) / min(done, 100)
        show('train', done, steps, begin_s, f'loss {average:.3f}')
    print()
    network.eval()


def show(what: str, done: int, total: int, begin_s: float, more: str = '') -> None:
    """Prints how far it is, now and then, over what it printed before."""
    if done % 20 and done != total:
        return
    passed_s = time.monotonic() - begin_s
    left_s = passed_s / max(done, 1) * (total - done)
    text = f'{what} {done}/{total}, {passed_s:.0f} s, {left_s:.0f} s to go  {more}'
    print(f'\r{text} ', end='', flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Train a version of the model shapes.')
    parser.add_argument('--version', type=int, choices=sorted(RELEASES), required=True)
    parser.add_argument('--out', type=Path, required=True, help='file for the weights (.pt)')
    parser.add_argument('--threads', type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    release = RELEASES[arguments.version]
    begin_s = time.monotonic()
    samples = make_samples(release, lambda done, total: show('draw', done, total, begin_s))
    print()
    network = train(release, samples)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'version': release.version, 'network': network.state_dict()}, arguments.out)
    print(f'wrote {arguments.out}')


if __name__ == '__main__':
    main()
