"""Train a network: `python -m dev.training.slender.train --out out/slender.pt`.

Needs `dev/pins/training.txt` (torch, CPU) beside the pins of the tests; takes about 12 minutes on
one core. `python -m dev.training.slender.publish` turns the weights into model packages.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

# mypy: disable-error-code="import-not-found"
import numpy as np
import torch
from torch import Tensor

from dev.training.slender.loss import slender_loss
from dev.training.slender.network import SlenderNet
from dev.training.slender.release import BATCH, EPOCHS, PREPROCESS, SCENES, SEED
from dev.training.slender.samples import SlenderSamples, make_slender_samples, slender_batches
from dev.training.train import as_input, fit, show


def train(samples: SlenderSamples) -> SlenderNet:
    """Trains the network from nothing."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    network = SlenderNet()

    def loss(batch: SlenderSamples) -> Tensor:
        guesses = network(as_input(batch.images, 255.0 / PREPROCESS.scale))
        return slender_loss(guesses, network.cells, batch)

    epochs = (slender_batches(samples, BATCH, random) for _ in range(EPOCHS))
    fit(network, loss, epochs, EPOCHS * (len(samples) // BATCH))
    return network


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description='Train the network of slender shapes.')
    parser.add_argument('--out', type=Path, required=True, help='file for the weights (.pt)')
    parser.add_argument('--scenes', type=int, default=SCENES)
    parser.add_argument('--threads', type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    begin_s = time.monotonic()
    samples = make_slender_samples(
        arguments.scenes, lambda done, total: show('draw', done, total, begin_s)
    )
    print()
    network = train(samples)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), arguments.out)
    print(f'wrote {arguments.out}')


if __name__ == '__main__':
    main()
