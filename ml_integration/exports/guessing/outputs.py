"""Reads what a model's outputs mean: which task with which settings, or why none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ml_integration.core.datatypes import Tensors, TensorSpec
from ml_integration.exports.claims import Claim, Claims
from ml_integration.exports.guessing.class_scores import claimed_settings, read_classes
from ml_integration.exports.guessing.guessed_inputs import is_picture, picture_wh
from ml_integration.exports.guessing.output_fit import Fit as Fit
from ml_integration.exports.guessing.readers import READERS, UNLABELED
from ml_integration.exports.guessing.unread import NO_TASK, appearance, generic, misnamed, refused
from ml_integration.ops.decoder_choice import Choice, rank_decoders
from ml_integration.ops.evidence import EVEN, SHAPES, Evidence

_DETECTION, _CLASSIFICATION, _TENSOR = 'object_detection', 'classification', 'tensor'


@dataclass(frozen=True, slots=True)
class Readings:
    """Ways to read a model's outputs.

    Attributes:
        fits: those that are possible, best first; none if there is a refusal.
        refusal: a sentence that says why no task reads the outputs; empty if one does.
        warnings: sentences about the best way, for the person who uses it.
    """

    fits: tuple[Fit, ...] = ()
    refusal: str = ''
    warnings: tuple[str, ...] = field(default=())

    @property
    def equal(self) -> tuple[Fit, ...]:
        """The ways that fit as well as the best one, which is among them: a person decides."""
        return tuple(fit for fit in self.fits if fit.score > self.fits[0].score - EVEN)


def read_outputs(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    claims: Claims,
    runs: Sequence[Tensors],
) -> Readings:
    """Finds the tasks and settings that fit a model's outputs.

    Args:
        inputs: tensors that it takes.
        outputs: tensors that it gives.
        claims: what the export says; it counts more than shapes and values.
        runs: its raw outputs on real pictures.
    """
    labels = claims.value('labels', ())
    evidence = Evidence(
        picture_wh(inputs, claims), tuple(outputs), len(labels), tuple(runs), _background(labels)
    )
    task = claims.get('task')
    if task is not None and task.value == _TENSOR:
        return Readings((_tensor(evidence, f'{task.source} says so'),))
    if not any(map(is_picture, inputs)):
        return _of_no_picture(inputs, evidence)
    if task is not None and task.value not in (_DETECTION, _CLASSIFICATION, *READERS):
        known = ', '.join((_CLASSIFICATION, _DETECTION, *READERS))
        what = f"its task is '{task.value}' by {task.source}; {NO_TASK}; there are {known}"
        return Readings(refusal=what)
    if sentence := refused(evidence):
        return Readings(refusal=sentence)
    fits = _fits(evidence, claims, task)
    if fits:
        return Readings(fits, warnings=_warnings(fits[0], evidence))
    return _of_odd_values(evidence, claims, task) or Readings(
        refusal=_why_not(evidence, claims, task)
    )


def _background(labels: Sequence[str]) -> bool:
    return bool(labels) and labels[0].strip('_').lower() in ('background', 'bg')


def _fits(evidence: Evidence, claims: Claims, task: Claim | None) -> tuple[Fit, ...]:
    found: list[Fit] = []
    wanted = task.value if task is not None else ''
    if wanted in ('', _DETECTION):
        decoder = claims.value('settings.decoder', '')
        options = claims.below('settings.decoder_options.')
        choices = rank_decoders(evidence, decoder, options)
        found.extend(_detection(choice, evidence, claims) for choice in choices)
    if wanted in ('', _CLASSIFICATION):
        found.extend(read_classes(evidence, claims, bool(wanted)))
    for name, read in READERS.items():
        if wanted in ('', name):
            found.extend(read(evidence, claims, bool(wanted)))
    found.sort(key=lambda fit: -fit.score)
    # What an export says can make two ways the same.
    return tuple(fit for n, fit in enumerate(found) if not any(map(fit.same, found[:n])))


def _detection(choice: Choice, evidence: Evidence, claims: Claims) -> Fit:
    style, found = choice
    options = {'decoder_options': dict(found.options)} if found.options else {}
    used = tuple(spec for spec in evidence.outputs if spec.name in found.outputs)
    settings = {'decoder': style, **options, **claimed_settings(_DETECTION, claims)}
    sure = bool(found.score > SHAPES) and not found.doubt
    return Fit(
        _DETECTION,
        settings,
        used,
        found.score,
        found.why,
        sure,
        found.encode,
        found.doubt,
        found.labels,
    )


def _tensor(evidence: Evidence, why: str) -> Fit:
    return Fit(_TENSOR, {}, evidence.outputs, SHAPES, why)


def _of_no_picture(inputs: Sequence[TensorSpec], evidence: Evidence) -> Readings:
    """Returns numbers as they are for a model of other sensors, or the refusal of a picture."""
    for spec in inputs:
        if len(spec.shape) > 2 and all(size is None or size >= 16 for size in spec.shape[-2:]):
            return Readings(
                refusal=f"input '{spec}' takes no picture of one or three channels, "
                'with a batch of one; no sensor here fills it'
            )
    return Readings((_tensor(evidence, 'it looks at no picture'),))


def _of_odd_values(evidence: Evidence, claims: Claims, task: Claim | None) -> Readings | None:
    """Returns what names and counts say about a model whose values on the sample are odd."""
    if not evidence.runs or appearance(evidence) != generic(evidence):
        return None
    fits = _fits(replace(evidence, runs=()), claims, task)
    warning = 'no box on the sample makes sense: is the preprocessing right, and each other input?'
    likely = tuple(
        replace(fit, sure=False, doubt='no box on the sample makes sense')
        for fit in fits
        if fit.score > SHAPES + EVEN
    )
    return (
        Readings(likely, warnings=(warning, *_warnings(likely[0], evidence))) if likely else None
    )


def _why_not(evidence: Evidence, claims: Claims, task: Claim | None) -> str:
    """Returns a sentence about outputs that fit nothing."""
    labels = claims.get('labels')
    if labels is not None:
        fits = _fits(
            replace(evidence, labels=0), Claims(tuple(c for c in claims if c is not labels)), task
        )
        if fits:
            return (
                f'{fits[0].why}, but {evidence.labels} labels come from {labels.source}; '
                'give the labels that it was trained with'
            )
    if task is not None and task.value in READERS:
        return misnamed(evidence, task.value, task.source)
    return appearance(evidence)


def _warnings(best: Fit, evidence: Evidence) -> tuple[str, ...]:
    found = []
    if not evidence.labels and not best.labels and best.task not in UNLABELED:
        found.append('no labels were found: classes are published as numbers')
    if best.doubt:
        found.append(f'it may be read wrongly: {best.doubt}')
    elif not best.sure:
        found.append('only the shapes of its outputs speak for that; other models have them too')
    left_out = [spec.name for spec in evidence.outputs if spec not in best.outputs]
    if left_out:
        found.append(f'outputs that are not used are left out: {", ".join(left_out)}')
    if not evidence.runs:
        found.append('it was not run on a picture: names and shapes are all that was looked at')
    return tuple(found)
