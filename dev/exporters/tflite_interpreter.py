"""Records what the TensorFlow Lite interpreter makes of pictures.

`python -m dev.exporters.tflite_interpreter NETWORK.tflite SEEN.npz OUT.npz`, in the environment of
`make test-models`. SEEN has the network's only input as `seen`, OUT gets its outputs by name.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from dev.models.flat_buffer import Table
from dev.models.tflite_file import IDENTIFIER, Network, Operator, read_network

OWN = 'Convolution2DTransposeBias'
"""An operator of MediaPipe that the interpreter does not know."""


def outputs_of(content: bytes, seen: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Runs a network; yields its outputs by name."""
    network = read_network(content)
    place = next((n for n, one in enumerate(network.operators) if one.kind == OWN), None)
    if place is None:
        yield from _run(content, seen)
        return
    operator = network.operators[place]
    ((_, before),) = _run(_ending_before(content, place, operator.inputs[0]), seen)
    enlarged = _enlarged(network, operator, before)
    # All that follows in the networks here is the logistic function.
    (last,) = network.operators[place + 1 :]
    assert last.kind == 'LOGISTIC' and last.outputs == network.outputs
    yield network.tensors[last.outputs[0]].name, 1 / (1 + np.exp(-enlarged))


def _run(content: bytes, seen: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[Any]]]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    interpreter.set_tensor(wanted['index'], seen)
    interpreter.invoke()
    for output in interpreter.get_output_details():
        yield output['name'], interpreter.get_tensor(output['index'])


def _ending_before(content: bytes, place: int, output: int) -> bytes:
    """Returns the network without an operator and those behind it; a tensor is its only output.

    Both lists of the file are changed where they are: the operators' is made shorter, and the
    outputs' has one number anyway.
    """
    (graph,) = Table.root(content, IDENTIFIER).tables(2)
    operators, outputs = graph.place_of_list(3), graph.place_of_list(2)
    changed = bytearray(content)
    struct.pack_into('<I', changed, operators, place)
    struct.pack_into('<i', changed, outputs + 4, output)
    return bytes(changed)


def _enlarged(network: Network, operator: Operator, source: NDArray[Any]) -> NDArray[np.float32]:
    """Computes the operator from how it is documented: each pixel becomes a square of pixels."""
    kernel, bias = (_constant(network, number) for number in operator.inputs[1:3])
    _, rows, columns, _ = source.shape
    out, height, width, _ = kernel.shape
    squares = np.einsum('nrci,ohwi->nrhcwo', source, kernel)
    pixels: NDArray[np.float32] = squares.reshape(-1, rows * height, columns * width, out) + bias
    return pixels


def _constant(network: Network, number: int) -> NDArray[np.float32]:
    """Returns a constant, or what is converted from one of half precision."""
    values = network.tensors[number].constant
    if values is None:
        (maker,) = (one for one in network.operators if number in one.outputs)
        values = network.tensors[maker.inputs[0]].constant
    assert values is not None
    return values.astype(np.float32)


def main() -> int:
    """Runs one network; returns the exit status."""
    parser = argparse.ArgumentParser(prog='dev.exporters.tflite_interpreter', description=__doc__)
    parser.add_argument('network', type=Path)
    parser.add_argument('seen', type=Path)
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    with np.load(args.seen) as arrays:
        found = dict(outputs_of(args.network.read_bytes(), arrays['seen']))
    np.savez(args.out, allow_pickle=False, **found)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
