"""Runs a loaded model before it serves: on zeros, on its golden sample, and on a full batch."""

from __future__ import annotations

from collections.abc import Callable

from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import Array, Tensors
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.assembly import default_tensors, zeros
from ml_integration.deploy.job import Job
from ml_integration.errors import (
    DeadlineError,
    InferenceError,
    ModelLoadError,
    ModelMismatchError,
)
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage


def golden_tensors(package: ModelPackage, pipeline: Pipeline) -> Tensors | None:
    """Returns all inputs of a model with those of its golden sample; None if it has none.

    What the sample does not say is as at the start of a stream.
    """
    if package.golden is None:
        return None
    sampled = {item.tensor for item in package.manifest.sensor_inputs}
    must = [spec for spec in pipeline.model.inputs if spec.name in sampled]
    may = [spec for spec in pipeline.model.inputs if spec.name not in sampled]
    tensors = default_tensors(package.manifest, pipeline.wiring)
    return {**tensors, **package.golden.inputs(must, may)}


def prove(
    package: ModelPackage,
    session: Session,
    pipeline: Pipeline,
    job: Job,
    pause: Callable[[], None],
) -> None:
    """Warms a session up on zeros and, where there is one, runs the golden sample.

    Args:
        package: the verified model.
        session: the model, open.
        pipeline: what it is for.
        job: ends it.
        pause: waits for a gap between the frames of what serves.

    Raises:
        ModelError: the engine failed, the sample gives something else, or the job was ended.
    """
    pause()
    job.check()
    _run(session, default_tensors(package.manifest, pipeline.wiring), job)
    sample = golden_tensors(package, pipeline)
    if package.golden is not None and sample is not None:
        pause()
        job.check()
        package.golden.compare(_run(session, sample, job), str(package.content.identity))


def full_batch(manifest: Manifest, size: int) -> dict[str, Array]:
    """Makes the inputs of so many frames at once: zeros."""
    return {item.spec.name: zeros(item.spec, size) for item in manifest.sensor_inputs}


def prove_batch(package: ModelPackage, session: Session, size: int, job: Job) -> None:
    """Runs a full batch of zeros, whose last frame is the golden sample where there is one.

    Raises:
        ModelMismatchError: the model cannot take as many frames as its manifest says.
        GoldenError: it computes something else for a frame in a batch than for that frame alone.
    """
    model, golden = str(package.content.identity), package.golden
    specs = tuple(item.spec for item in package.manifest.sensor_inputs)
    inputs = full_batch(package.manifest, size)
    samples: Tensors = golden.inputs(specs) if golden is not None else {}
    single = bool(samples) and all(len(sample) == 1 for sample in samples.values())
    for name in inputs if single else ():
        inputs[name][-1:] = samples[name]
    outputs = _run_batch(session, inputs, size, package.manifest, job)
    if golden is not None and single:
        golden.compare({name: array[-1:] for name, array in outputs.items()}, model)


def _run(session: Session, tensors: Tensors, job: Job) -> Tensors:
    """Runs a model within the job's time.

    Raises:
        ModelError: the engine failed, the job was ended, or its time is over.
    """
    try:
        return session.run(tensors, job.until_ns)
    except InferenceError as error:
        if isinstance(error, DeadlineError):
            job.check()
        raise ModelLoadError(job.model, f'its test run failed: {error.what}') from error


def _run_batch(
    session: Session, inputs: Tensors, size: int, manifest: Manifest, job: Job
) -> Tensors:
    model = str(manifest.identity)
    try:
        every = session.run(inputs, job.until_ns)
        outputs = {spec.name: every[spec.name] for spec in manifest.outputs}
        got = ', '.join(f'{name}: {list(array.shape)}' for name, array in outputs.items())
        fits = all(array.shape[:1] == (size,) for array in outputs.values())
    except InferenceError as error:
        if isinstance(error, DeadlineError):
            job.check()
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
