"""Room for frames that run together, and the proof that a model can do it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_integration.core.batching import Batch
from ml_integration.core.contracts import Session, Task
from ml_integration.core.datatypes import Array, ModelDescription, Tensors, TensorSpec
from ml_integration.errors import InferenceError, ModelMismatchError
from ml_integration.store.package.package import ModelPackage


def make_batch(make_task: Callable[[], Task], model: ModelDescription, size: int) -> Batch | None:
    """Makes one task per row of one input, so that no frame is copied into a batch.

    Args:
        make_task: makes a task of the model.
        model: the model, as its manifest states it.
        size: how many frames to make room for.

    Returns:
        None when frames have to run one after another: there is no more than one, or a first
        dimension is not free or counts something else than frames.
    """
    free = all(spec.shape[:1] == (None,) for spec in (*model.inputs, *model.outputs))
    if size < 2 or not free:
        return None
    tasks = [make_task() for _ in range(size)]
    if not tasks[0].batched:
        return None
    specs = tasks[0].input_specs()
    inputs = {
        spec.name: np.zeros((size, *map(_size, spec.shape[1:])), spec.dtype) for spec in specs
    }
    for row, task in enumerate(tasks):
        task.bind({name: array[row : row + 1] for name, array in inputs.items()})
    return Batch(inputs, tuple(tasks))


def prove_batch(package: ModelPackage, session: Session, size: int) -> None:
    """Runs a full batch of zeros, whose last frame is the golden sample where there is one.

    Raises:
        ModelMismatchError: the model cannot take as many frames as its manifest says.
        GoldenError: it computes something else for a frame in a batch than for that frame alone.
    """
    model, golden = str(package.content.identity), package.golden
    specs = tuple(item.spec for item in package.manifest.sensor_inputs)
    inputs: dict[str, Array] = {spec.name: zeros(spec, size) for spec in specs}
    samples: Tensors = golden.inputs(specs) if golden is not None else {}
    single = bool(samples) and all(len(sample) == 1 for sample in samples.values())
    for name in inputs if single else ():
        inputs[name][-1:] = samples[name]
    outputs = _run(session, inputs, size, model)
    if golden is not None and single:
        golden.compare({name: array[-1:] for name, array in outputs.items()}, model)


def zeros(spec: TensorSpec, batch: int) -> Array:
    """A tensor of zeros, with `batch` as its first size where that is free."""
    # Another free dimension is one whose size does not matter for the computation.
    first = (spec.shape[0] or batch,) if spec.shape else ()
    return np.zeros((*first, *map(_size, spec.shape[1:])), spec.dtype)


def _run(session: Session, inputs: Tensors, size: int, model: str) -> Tensors:
    try:
        outputs = session.run(inputs)
        got = ', '.join(f'{name}: {list(array.shape)}' for name, array in outputs.items())
        fits = all(array.shape[:1] == (size,) for array in outputs.values())
    except InferenceError as error:
        got, fits = str(error), False
    if not fits:
        raise ModelMismatchError(
            model,
            'it cannot run several frames at once, as its manifest says',
            got=got,
            expected=f'{size} as the first size of every output',
            hint="Write 1 instead of null as the first size of its 'inputs' and 'outputs'; frames "
            'then run one after another.',
        )
    return outputs


def _size(size: int | None) -> int:
    return 1 if size is None else size
