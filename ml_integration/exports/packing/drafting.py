"""Drafts a package of an export: what fills the inputs, what the outputs are, what is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml_integration.core import plugins
from ml_integration.core.contracts import Backend, Session
from ml_integration.core.datatypes import ModelContent, ModelIdentity, Tensors, TensorSpec
from ml_integration.core.dotted_keys import flattened, nested
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.inputs import ConstantInput, ModelInput, SensorInput
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.loading import Loader
from ml_integration.errors import ExportError, MlIntegrationError
from ml_integration.exports.asking.questions import Question, written
from ml_integration.exports.asking.reading_questions import constant_question, reading_question
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.claims_of_formats import read_export
from ml_integration.exports.guessing.guessed_inputs import guess_inputs
from ml_integration.exports.guessing.input_check import (
    check_others,
    check_picture,
    check_size,
    no_picture,
)
from ml_integration.exports.guessing.outputs import Fit, Readings, read_outputs
from ml_integration.exports.guessing.picture_claims import (
    ASKED,
    encode_claims,
    encode_question,
    picture_of,
    size_question,
    sized,
)
from ml_integration.exports.reading.source import Source
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.trial import try_on
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.package.package import package_of
from ml_integration.store.package.proposal import Proposal, manifest_text

MODEL = 'model.onnx'


@dataclass(frozen=True, slots=True)
class Draft:
    """Draft of a package.

    Attributes:
        source: the export, with the tensors of its model.
        claims: every value, with its origin.
        inputs: what fills the model's tensors.
        readings: what its outputs could be; the first is taken.
        questions: what a person has to say.
        conflicts: sentences about what the export says twice and differently.
    """

    source: Source
    claims: Claims
    inputs: tuple[ModelInput, ...]
    readings: Readings
    questions: tuple[Question, ...]
    conflicts: tuple[str, ...] = ()

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
    with session_of(source) as session:
        export = replace(source.export, inputs=session.inputs, outputs=session.outputs)
    return replace(source, export=export)


@contextmanager
def session_of(source: Source) -> Iterator[Session]:
    """Opens a model in the usual engine, without a package around it.

    Raises:
        ModelLoadError: the engine refuses it.
    """
    execution = ExecutionSettings()
    backend: Backend = plugins.load('backends', execution.engine)()
    identity = ModelIdentity(source.export.model, 1)
    session = backend.open(ModelContent(identity, source.content, source.external), execution)
    try:
        yield session
    finally:
        session.close()


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
    reading, answered = read_export(export), Claims(tuple(answers))
    said = answered.then(reading.claims)
    picture = picture_of(export.inputs)
    if picture is None:
        raise no_picture(export)
    check_picture(picture, said, export.label)
    check_others(export.inputs, export.label)
    claims = encode_claims(picture, said)
    fixed = sized(picture, claims)
    check_size(fixed, export.label)
    specs = tuple(fixed if spec is picture else spec for spec in export.inputs)
    inputs = tuple(_filled(item, claims) for item in guess_inputs(specs, export.outputs))
    with raw_pipeline(source, inputs) as pipeline:
        runs = _run_on(pipeline, pictures)
    readings = read_outputs(specs, export.outputs, claims, runs)
    if not readings.fits:
        raise _unread(source, answers, pictures, readings.refusal, claims)
    claims, against = _with_reading(readings.fits[0], claims)
    readings = replace(readings, warnings=(*readings.warnings, *against))
    inputs = tuple(_filled(item, claims) for item in inputs)
    asked = (
        size_question(picture, said),
        reading_question(readings, said),
        encode_question(claims, claims.value('task') == 'classification'),
        *(constant_question(item, claims) for item in inputs),
    )
    questions = tuple(question for question in asked if question is not None)
    conflicts = tuple(text for key, text in reading.conflicts if answered.get(key) is None)
    return Draft(source, claims, inputs, readings, questions, conflicts)


def _with_reading(best: Fit, claims: Claims) -> tuple[Claims, tuple[str, ...]]:
    """Joins what is claimed with how the outputs are read.

    Returns:
        All claims, and a sentence about each that the run proves wrong.
    """
    read = Claims(tuple(_of_fit(best)))
    if claims.value('task') != best.task:  # such as boxes of a model for segmentation
        claims = Claims(tuple(claim for claim in read if claim.key == 'task')).then(claims)
    against = tuple(_against(best, claims))
    joined = Claims((*against, *_of_style(best, claims))).then(claims).then(read)
    return joined, tuple(claim.source for claim in against)


@contextmanager
def raw_pipeline(source: Source, inputs: tuple[ModelInput, ...]) -> Iterator[Pipeline]:
    """Opens a model whose outputs are left as they are."""
    files, outputs = files_of(source), source.export.outputs
    with _opened(
        source, Proposal('model', 1, files, MODEL, inputs, outputs, 'tensor', {}, ())
    ) as pipeline:
        yield pipeline


@contextmanager
def pipeline_of(draft: Draft) -> Iterator[Pipeline]:
    """Opens a model as a draft reads it, without its labels."""
    files, inputs, outputs = files_of(draft.source), draft.inputs, draft.outputs
    task, settings = draft.task, draft.settings
    with _opened(
        draft.source, Proposal('model', 1, files, MODEL, inputs, outputs, task, settings, ())
    ) as pipeline:
        yield pipeline


@contextmanager
def _opened(source: Source, proposal: Proposal) -> Iterator[Pipeline]:
    contents = {**files_of(source), MANIFEST: manifest_text(proposal).encode()}
    pipeline = Loader().load(package_of(contents, Path(source.export.label)))
    try:
        yield pipeline
    finally:
        pipeline.close()


def files_of(source: Source) -> dict[str, bytes]:
    """Returns the files of the model by their names in the package."""
    return {MODEL: source.content, **source.external}


def _unread(
    source: Source,
    answers: Sequence[Claim],
    pictures: Sequence[Picture],
    refusal: str,
    claims: Claims,
) -> ExportError:
    """Makes the error for outputs that nothing reads; suspects first what a person has set."""
    label = source.export.label
    plain = 'To have its numbers as they are, add it with: --task tensor.'
    mine = [one for one in answers if _prepares(one)]
    if mine:
        told = ' '.join(f'{one.key}={written(one.value)}' for one in mine)
        with suppress(MlIntegrationError):
            without = draft(source, [one for one in answers if not _prepares(one)], pictures)
            fit = without.readings.fits[0]
            return ExportError(
                f'with {told} no task can read its outputs; without, they are read as '
                f'{fit.task}: {fit.why}',
                where=label,
                hint=f'Leave that out, or correct it. {plain}',
            )
    if mine or encode_question(claims, False):
        plain += ' If it is something else, are its pictures prepared as it wants them (encode)?'
    return ExportError(refusal, where=label, hint=plain)


def _prepares(claim: Claim) -> bool:
    """Tells whether a claim is a person's on how pictures are prepared."""
    return claim.origin is Origin.PERSON and claim.key.startswith('encode.')


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
    if fit.labels:
        yield Claim('labels', fit.labels, Origin.SAMPLE, fit.why, fit.sure)
    for key, value in flattened(fit.settings).items():
        yield Claim(f'settings.{key}', value, Origin.SAMPLE, fit.why, fit.sure)


def _against(fit: Fit, claims: Claims) -> Iterator[Claim]:
    """Yields the settings about which the run proves a file wrong."""
    for key, value in flattened(fit.settings).items():
        said = claims.get(f'settings.{key}')
        if said is None or said.origin is Origin.PERSON or said.value == value:
            continue
        source = f'{fit.why}, though {said.source} asks for {key} {written(said.value)}'
        yield Claim(said.key, value, Origin.SAMPLE, source, fit.sure)


def _of_style(fit: Fit, claims: Claims) -> Iterator[Claim]:
    """Yields how exports with such outputs take pictures, where nothing sure is known."""
    for key, value in fit.encode.items():
        known = claims.get(f'encode.{key}')
        usual = known is not None and known.origin is Origin.DEFAULT and key not in ASKED
        if known is None or not known.sure or usual:
            style = fit.settings.get('decoder') or fit.settings.get('points')
            source = f'exports for the decoder {style} want it'
            yield Claim(f'encode.{key}', value, Origin.DEFAULT, source, sure=False)
