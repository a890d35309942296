"""Train a version of `shapes`: `python -m dev.training.train --version 2 --out out/shapes_2.pt`.

Needs `dev/pins/training.txt` (torch, CPU) beside the pins of the tests; takes 10 to 20 minutes on
one core. Another machine rounds differently and ends with other weights that are as good.
`python -m dev.training.publish` turns the weights into a model package.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

# mypy: disable-error-code="import-not-found"
import numpy as np
import torch

from dev.training.loss import detection_loss
from dev.training.network import ShapesNet
from dev.training.releases import RELEASES, Release
from dev.training.samples import Samples, batches, make_samples

PEAK_RATE = 3e-3


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
    network.train()
    steps = release.epochs * (len(samples) // release.batch)
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=steps, pct_start=0.15
    )
    average, done, begin_s = 0.0, 0, time.monotonic()
    for _ in range(release.epochs):
        for batch in batches(samples, release.batch, random):
            loss = _step(network, batch, 255.0 / release.preprocess.scale, optimizer)
            schedule.step()
            done += 1
            average += (loss - average) / min(done, 100)
            _show('train', done, steps, begin_s, f'loss {average:.3f}')
    print()
    network.eval()
    return network


def _step(
    network: ShapesNet, batch: Samples, highest: float, optimizer: torch.optim.Optimizer
) -> float:
    images = torch.from_numpy(batch.images).float() * (highest / 255.0)
    images = images.contiguous(memory_format=torch.channels_last)
    loss = detection_loss(
        network(images),
        network.cells,
        torch.from_numpy(batch.boxes),
        torch.from_numpy(batch.class_ids),
    )
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimizer.step()
    return float(loss.detach())


def _show(what: str, done: int, total: int, begin_s: float, more: str = '') -> None:
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
    samples = make_samples(release, lambda done, total: _show('draw', done, total, begin_s))
    print()
    network = train(release, samples)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'version': release.version, 'network': network.state_dict()}, arguments.out)
    print(f'wrote {arguments.out}')


if __name__ == '__main__':
    main()
