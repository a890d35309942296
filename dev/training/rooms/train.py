"""Train a network: `python -m dev.training.rooms.train --out out/rooms.pt`.

Needs `dev/pins/training.txt` (torch, CPU) beside the pins of the tests; takes about 8 minutes on
one core. `python -m dev.training.rooms.publish` turns the weights into a model package.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# mypy: disable-error-code="import-not-found"
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dev.training.rooms.network import INPUT_WH, OUTPUT_WH, DepthNet
from dev.training.rooms.scenes import FIRST_TRAINING_SEED, make_room, render_room
from dev.training.train import as_input, fit, show

ROOMS, EPOCHS, BATCH, SEED = 4000, 10, 16, 10


@dataclass(frozen=True)
class RoomSamples:
    """Pictures of rooms, each of another one.

    Attributes:
        images: (N, 3, 144, 192) uint8, RGB.
        depth: (N, 1, 72, 96) float32 [m].
    """

    images: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]


def make_samples(rooms: int, progress: Callable[[int, int], None]) -> RoomSamples:
    """Draws all training pictures."""
    samples = RoomSamples(
        np.empty((rooms, 3, *INPUT_WH[::-1]), np.uint8),
        np.empty((rooms, 1, *OUTPUT_WH[::-1]), np.float32),
    )
    for number in range(rooms):
        room = make_room(FIRST_TRAINING_SEED + number)
        samples.images[number] = render_room(room, INPUT_WH)[0].transpose(2, 0, 1)
        samples.depth[number, 0] = render_room(room, OUTPUT_WH)[1]
        progress(number, rooms)
    return samples


def batches(samples: RoomSamples, random: np.random.Generator) -> Iterator[RoomSamples]:
    """One epoch in random order; batches are mirrored, pictures relit and recolored at random."""
    order = random.permutation(len(samples.images))
    for begin in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[begin : begin + BATCH]
        images = samples.images[chosen][:, random.permutation(3)].astype(np.float32)
        depth = samples.depth[chosen]
        if random.random() < 0.5:
            images, depth = images[..., ::-1], depth[..., ::-1]
        images = images * random.uniform(0.7, 1.3, (BATCH, 3, 1, 1)).astype(np.float32)
        yield RoomSamples(images.clip(0, 255).astype(np.uint8), np.ascontiguousarray(depth))


def depth_loss(guessed: Tensor, true: Tensor) -> Tensor:
    """Mean error of the logarithm of depth, and of its steps from pixel to pixel."""
    apart = guessed.log() - true.log()
    steps = apart.diff(dim=2).abs().mean() + apart.diff(dim=3).abs().mean()
    loss: Tensor = apart.abs().mean() + steps
    return loss


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Train the network of rooms.')
    parser.add_argument('--out', type=Path, required=True, help='file for the weights (.pt)')
    parser.add_argument('--rooms', type=int, default=ROOMS)
    parser.add_argument('--threads', type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    begin_s, random, network = time.monotonic(), np.random.default_rng(SEED), DepthNet()
    samples = make_samples(arguments.rooms, lambda done, total: show('draw', done, total, begin_s))
    print()
    epochs = (batches(samples, random) for _ in range(EPOCHS))
    fit(
        network,
        lambda batch: depth_loss(
            network(as_input(batch.images, 1.0)), torch.from_numpy(batch.depth)
        ),
        epochs,
        EPOCHS * (arguments.rooms // BATCH),
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), arguments.out)
    print(f'wrote {arguments.out}')


if __name__ == '__main__':
    main()
