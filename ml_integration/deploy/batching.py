"""The proof that a model can run several observations together."""

from __future__ import annotations

from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import Array, Tensors
from ml_integration.deploy.assembly import zeros
from ml_integration.errors import InferenceError, ModelMismatchError
from ml_integration.store.package.package import ModelPackage


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
