"""Drafts a package of an export: what fills the inputs, what the outputs are, what is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from ml_integration.core import plugins
from ml_integration.core.contracts import Backend
from ml_integration.core.datatypes import ModelContent, ModelIdentity, Tensors, TensorSpec
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.inputs import ConstantInput, ModelInput, SensorInput
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ExportError
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.guessed_inputs import guess_inputs
from ml_integration.exports.outputs import Fit, Readings, read_outputs
from ml_integration.exports.picture_claims import (
    encode_claims,
    encode_question,
    picture_of,
    size_question,
    sized,
)
from ml_integration.exports.questions import Choice, Question
from ml_integration.exports.reading import claims_of
from ml_integration.exports.sample_pictures import Picture
from ml_integration.exports.source import Source
from ml_integration.exports.trial import try_on
from ml_integration.ops.picture_input import DTYPES
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.package.package import package_of
from ml_integration.store.package.proposal import Proposal, manifest_text

MODEL = 'model.onnx'
MOST_PIXELS = 2**25
"""Pixels of the largest picture that a model may take: half a gigabyte of numbers."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Draft of a package.

    Attributes:
        source: the export, with the tensors of its model.
        claims: every value, with its origin.
        inputs: what fills the model's tensors.
        readings: what its outputs could be; the first is taken.
        questions: what a person has to say.
    """

    source: Source
    claims: Claims
    inputs: tuple[ModelInput, ...]
    readings: Readings
    questions: tuple[Question, ...]

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs that the task reads; the others are left out of the manifest."""
        return self.readings.fits[0].outputs or self.source.export.outputs

    @property
    def task(self) -> str:
        return str(self.claims.value('task'))

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the task, nested as in a manifest."""
        return nested(self.claims.below('settings.'))


def with_tensors(source: Source) -> Source:
    """Opens a model for the names, types and shapes of its tensors.

    Raises:
        ModelLoadError: the engine refuses it.
    """
    execution = ExecutionSettings()
    backend: Backend = plugins.load('backends', execution.engine)()
    identity = ModelIdentity(source.export.model, 1)
    session = backend.open(ModelContent(identity, source.content, source.external), execution)
    try:
        export = replace(source.export, inputs=session.inputs, outputs=session.outputs)
    finally:
        session.close()
    return replace(source, export=export)


def draft(source: Source, answers: Sequence[Claim], pictures: Sequence[Picture]) -> Draft:
    """Drafts a package.

    Args:
        source: the export, with its tensors.
        answers: what a person said.
        pictures: what it is run on.

    Raises:
        ExportError: no task can read it, or it does not run on pictures.
        MlIntegrationError: what was claimed contradicts the model.
    """
    export = source.export
    said = Claims(tuple(answers)).then(claims_of(export))
    picture = picture_of(export.inputs)
    if picture is None:
        raise no_picture(source)
    _check_picture(picture, export.label)
    claims = encode_claims(picture, said)
    fixed = sized(picture, claims)
    _check_size(fixed, export.label)
    specs = tuple(fixed if spec is picture else spec for spec in export.inputs)
    inputs = tuple(_filled(item, claims) for item in guess_inputs(specs, export.outputs))
    with raw_pipeline(source, inputs) as pipeline:
        runs = _run_on(pipeline, pictures)
    readings = read_outputs(specs, export.outputs, claims, runs)
    if not readings.fits:
        hint = 'To have its numbers as they are, add it with: --task tensor.'
        if encode_question(claims, False) or _answered(claims):
            hint += (
                ' If it is something else, are its pictures prepared as it wants them (encode)?'
            )
        raise ExportError(readings.refusal, where=export.label, hint=hint)
    best = readings.fits[0]
    read = Claims(tuple(_of_fit(best)))
    if claims.value('task') != best.task:  # such as boxes of a model for segmentation
        claims = Claims(tuple(claim for claim in read if claim.key == 'task')).then(claims)
    claims = Claims(tuple(_of_style(best, claims))).then(claims).then(read)
    inputs = tuple(_filled(item, claims) for item in inputs)
    asked = (
        size_question(picture, said),
        _reading_question(readings, said),
        encode_question(claims, claims.value('task') == 'classification'),
        *(_constant_question(item, claims) for item in inputs),
    )
    questions = tuple(question for question in asked if question is not None)
    return Draft(source, claims, inputs, readings, questions)


@contextmanager
def raw_pipeline(source: Source, inputs: tuple[ModelInput, ...]) -> Iterator[Pipeline]:
    """Opens a model whose outputs are left as they are."""
    files = files_of(source)
    proposal = Proposal('model', 1, files, MODEL, inputs, source.export.outputs, 'tensor', {}, ())
    contents = {**files, MANIFEST: manifest_text(proposal).encode()}
    pipeline = Loader().load(package_of(contents, Path(source.export.label)))
    try:
        yield pipeline
    finally:
        pipeline.close()


def files_of(source: Source) -> dict[str, bytes]:
    """Returns the files of the model by their names in the package."""
    return {MODEL: source.content, **source.external}


def _answered(claims: Claims) -> bool:
    """Tells whether a person said how pictures are prepared."""
    return any(c.origin is Origin.PERSON and c.key.startswith('encode.') for c in claims)


def _check_picture(picture: TensorSpec, label: str) -> None:
    """Refuses a picture's input that no encoder fills.

    Raises:
        ExportError: its type or its batch is none that can be filled.
    """
    if picture.dtype not in DTYPES:
        raise ExportError(
            f"its picture '{picture.name}' has the type {picture.dtype}, which is not filled here",
            where=label,
            expected=f'one of {", ".join(DTYPES)}',
            hint='Export it with another type of input; int8 inside of the model is fine.',
        )
    if picture.shape[0] not in (1, None):
        raise ExportError(
            f'it wants {picture.shape[0]} pictures at once, and each picture is run by itself',
            where=label,
            got=str(picture),
            hint='Export it with a batch of 1, or with a free one.',
        )


def _check_size(picture: TensorSpec, label: str) -> None:
    """Refuses a picture that would fill the memory, whoever says its size.

    Raises:
        ExportError: it has too many pixels.
    """
    if prod(size or 1 for size in picture.shape[1:]) > 3 * MOST_PIXELS:
        raise ExportError(
            'its picture is larger than any camera makes',
            where=label,
            got=str(picture),
            expected=f'at most {MOST_PIXELS} pixels',
            hint='Say the size that it is used with: --set size=[WIDTH, HEIGHT].',
        )


def no_picture(source: Source) -> ExportError:
    """Makes the error for a model without a picture."""
    hint = 'Make a package to fill in with: ml_model new tensor NAME.'
    if any(len(s.shape) == 3 and {1, 3} & {s.shape[0], s.shape[2]} for s in source.export.inputs):
        hint = 'It lacks a batch: export it with a first size of 1.'
    return ExportError(
        'none of its inputs looks like a picture, and messages of other kinds have to be chosen '
        'by a person',
        where=source.export.label,
        got='; '.join(map(str, source.export.inputs)),
        expected='an input such as float32[1, 3, 640, 640]',
        hint=hint,
    )


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns dotted names as mappings in mappings."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.split('.')
        inner = found
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def _filled(item: ModelInput, claims: Claims) -> ModelInput:
    """Returns an input with what is claimed of it."""
    if isinstance(item, SensorInput):
        return replace(item, encode=claims.below('encode.'))
    said = claims.value(f'inputs.{item.tensor}')
    if isinstance(said, int | float):
        return ConstantInput(item.tensor, float(said))
    return item


def _run_on(pipeline: Pipeline, pictures: Sequence[Picture]) -> tuple[Tensors, ...]:
    trial = try_on(pipeline, pictures)
    if not trial.runs:
        raise ExportError('it does not run on pictures', got='; '.join(trial.failures[:1]))
    return trial.runs


def _of_fit(fit: Fit) -> Iterator[Claim]:
    yield Claim('task', fit.task, Origin.SAMPLE, fit.why, fit.sure)
    for key, value in flattened(fit.settings).items():
        yield Claim(f'settings.{key}', value, Origin.SAMPLE, fit.why, fit.sure)


def _of_style(fit: Fit, claims: Claims) -> Iterator[Claim]:
    """Yields how exports with such outputs take pictures, where nothing sure is known."""
    for key, value in fit.encode.items():
        known = claims.get(f'encode.{key}')
        if known is None or not known.sure:
            source = f'exports for the decoder {fit.settings.get("decoder")} want it'
            yield Claim(f'encode.{key}', value, Origin.DEFAULT, source, sure=False)


def flattened(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Returns mappings in mappings as dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flattened(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = value
    return flat


def _reading_question(readings: Readings, said: Claims) -> Question | None:
    if said.get('settings.decoder') is not None:
        return None
    unlike = [fit for n, fit in enumerate(readings.equal) if fit not in readings.equal[:n]]
    if len(unlike) < 2 and (readings.fits[0].sure or said.get('task') is not None):
        return None
    choices = (Choice(f'{_named(fit)}: {fit.why}', _said(fit)) for fit in unlike)
    return Question('outputs', 'Nothing says for sure how the outputs are read.', tuple(choices))


def _said(fit: Fit) -> tuple[tuple[str, Any], ...]:
    settings = flattened(fit.settings)
    return (('task', fit.task), *((f'settings.{key}', settings[key]) for key in settings))


def _named(fit: Fit) -> str:
    decoder = fit.settings.get('decoder')
    return f'{fit.task} ({decoder})' if decoder else fit.task


def _constant_question(item: ModelInput, claims: Claims) -> Question | None:
    if not isinstance(item, ConstantInput) or claims.get(f'inputs.{item.tensor}') is not None:
        return None
    if item.value != 0:  # a size or a factor that is known
        return None
    return Question(
        f'inputs.{item.tensor}',
        f"The input '{item.tensor}' takes a number, and nothing says which one.",
        tuple(Choice(f'{value:g}', ((f'inputs.{item.tensor}', value),)) for value in (1.0, 0.0)),
    )
