"""Makes the files of a package of a draft: manifest, labels, golden sample, model and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import Tensors, TensorSpec
from ml_integration.core.inputs import (
    ConstantInput,
    ModelInput,
    SensorInput,
    SizeInput,
    StateInput,
)
from ml_integration.errors import ExportError, FrameError
from ml_integration.exports.asking.questions import written
from ml_integration.exports.claims import Claim, Claims, Origin
from ml_integration.exports.packing.drafting import MODEL, Draft, files_of, raw_pipeline
from ml_integration.exports.packing.golden_sample import GOLDEN, golden_sample
from ml_integration.exports.reading.document import one_line
from ml_integration.exports.trying.sample_pictures import Picture
from ml_integration.exports.trying.trial import observation_of
from ml_integration.store.package.manifest import MANIFEST
from ml_integration.store.package.proposal import Proposal, manifest_text

LABELS = 'labels.txt'
_ORDER = (
    'name', 'version', 'description', 'task', 'format', 'license', 'origin', 'files', 'model',
    'labels', 'golden', 'inputs', 'outputs', 'settings', 'limits', '',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """Files of a package, not yet on disk.

    Attributes:
        contents: by name, the manifest with them.
        claims: every value of the manifest, with its origin.
    """

    contents: Mapping[str, bytes]
    claims: Claims


def write_package(draft: Draft, name: Claim, version: Claim, picture: Picture) -> Written:
    """Makes the files.

    Args:
        draft: without open questions.
        name: the model's, as a claim.
        version: of the package, as a claim.
        picture: the golden sample is made of it.

    Raises:
        ExportError: a label is not one line of text.
    """
    contents = files_of(draft.source)
    labels = draft.claims.value('labels', ())
    if labels:
        contents[LABELS] = label_lines(labels, draft.source.export.label)
    golden = _golden(draft, picture)
    if golden is not None:
        contents[GOLDEN] = golden
    claims = all_claims(draft, name, version)
    if golden is not None:
        claims = claims.then([Claim('golden', GOLDEN, Origin.SAMPLE, picture.name)])
    remark = f'Made by: ml_model add {Path(draft.source.export.label).name}'
    proposal = proposal_of(draft, claims, contents, MODEL, [remark])
    return Written({**contents, MANIFEST: manifest_text(proposal).encode()}, claims)


def all_claims(draft: Draft, name: Claim, version: Claim) -> Claims:
    """Returns a claim on every key of the manifest, in its order."""
    export = draft.source.export
    claims = Claims((name, version)).then(draft.claims).then(_texts(draft))
    rest = [
        Claim('format', 'onnx', Origin.METADATA, export.model),
        _of_files(draft),
        *_of_tensors(draft),
    ]
    return in_order(claims.then(rest))


def in_order(claims: Claims) -> Claims:
    """Returns claims in the order of a manifest's keys."""
    return Claims(tuple(sorted(claims, key=lambda claim: _ORDER.index(_top(claim.key)))))


def proposal_of(
    draft: Draft,
    claims: Claims,
    contents: Mapping[str, bytes],
    model: str,
    remarks: Sequence[str],
) -> Proposal:
    """Returns the manifest of a draft, not yet as text.

    Args:
        draft: the draft.
        claims: every value.
        contents: the package's files by name.
        model: which of them is the model.
        remarks: sentences on top.
    """
    return Proposal(
        str(claims.value('name')),
        int(claims.value('version')),
        contents,
        model,
        draft.inputs,
        draft.outputs,
        draft.task,
        draft.settings,
        remarks,
        labels=LABELS if LABELS in contents else '',
        golden=GOLDEN if GOLDEN in contents else '',
        description=str(claims.value('description')),
        license=str(claims.value('license')),
        origin=str(claims.value('origin')),
        notes=_notes(claims),
    )


def label_lines(labels: Sequence[str], where: str) -> bytes:
    """Returns the content of `labels.txt`.

    Raises:
        ExportError: a label is not one line of text.
    """
    odd = [label for label in labels if len(label.strip().splitlines()) != 1]
    if odd:
        raise ExportError('a class has no name of one line', where=where, got=repr(odd[0]))
    return ''.join(f'{label.strip()}\n' for label in labels).encode()


def _golden(draft: Draft, picture: Picture) -> bytes | None:
    with raw_pipeline(draft.source, draft.inputs) as pipeline:
        try:
            work = pipeline.prepare(observation_of(pipeline, picture))
        except FrameError as error:
            raise ExportError(str(error), where=picture.name) from error
        sampled = {item.tensor for item in draft.inputs if isinstance(item, SensorInput)}
        tensors = {name: array.copy() for name, array in work.tensors.items()}
        specs = tuple(
            TensorSpec(name, array.dtype.name, array.shape) for name, array in tensors.items()
        )
        fixed = {n: a for n, a in tensors.items() if n not in sampled}
        used = [spec.name for spec in draft.outputs]
        return golden_sample(
            tensors, _divisor(draft, fixed), specs, _runner(pipeline.session, used)
        )


def _runner(session: Session, used: Sequence[str]) -> Callable[[Tensors], Tensors]:
    def run(tensors: Tensors) -> Tensors:
        outputs = session.run(tensors)
        return {name: outputs[name] for name in used}

    return run


def _divisor(draft: Draft, fixed: Tensors) -> float:
    """Returns the number that pixels are divided by and nothing else; 0 if there is more."""
    encode = draft.claims.below('encode.')
    plain = not any(encode.get('mean', (0.0,))) and set(encode.get('std', (1.0,))) == {1.0}
    return float(encode.get('scale', 255.0)) if plain and not fixed else 0.0


def _texts(draft: Draft) -> Iterator[Claim]:
    label = one_line(Path(draft.source.export.label).name)
    yield Claim('description', '', Origin.DEFAULT, 'nobody says; --set description=... does')
    yield Claim('license', '', Origin.DEFAULT, 'nobody says; --set license=... does')
    yield Claim('origin', f'exported as {label}', Origin.DEFAULT, 'the name of the export')


def _of_tensors(draft: Draft) -> Iterator[Claim]:
    export = draft.source.export
    for item in draft.inputs:
        yield Claim(f'inputs.{item.tensor}', _source(item), Origin.SHAPES, export.model)
        if isinstance(item, SensorInput):
            key = f'inputs.{item.tensor}.topic'
            yield Claim(key, item.topic, Origin.DEFAULT, 'to be remapped')
    for spec in draft.outputs:
        yield Claim(f'outputs.{spec.name}', _told(spec), Origin.SHAPES, export.model)


def _of_files(draft: Draft) -> Claim:
    source = draft.source
    origin = Origin.SIDECAR if source.external else Origin.METADATA
    return Claim('files', tuple(files_of(source)), origin, Path(source.export.label).name)


def _source(item: ModelInput) -> str:
    """Returns what fills an input, in the words of the manifest."""
    match item:
        case SensorInput():
            return _told(item.spec)
        case ConstantInput():
            return f'constant {item.value:g}'
        case StateInput():
            return f'state_of {item.state_of}'
        case SizeInput():
            return f'size_of {item.size_of}'


def _told(spec: TensorSpec) -> str:
    return str(spec).removeprefix(f'{spec.name}: ')


def _notes(claims: Claims) -> dict[str, list[str]]:
    """Returns the origins of values, by the manifest's key that they are below."""
    notes: dict[str, list[str]] = {}
    for claim in claims:
        top = _top(claim.key)
        value = f'{len(claim.value)} names' if claim.key == 'labels' else written(claim.value)
        short = value if len(value) <= 60 else f'{value[:57]}...'
        what = '' if top == claim.key else f'{claim.key} = {short}; '
        notes.setdefault(top, []).append(f'{what}{claim.said_by}'[:300])
    return notes


def _top(key: str) -> str:
    """Returns the manifest's key that a claim's key is below."""
    first = key.split('.')[0]
    return {'encode': 'inputs', 'size': 'inputs'}.get(first, first if first in _ORDER else '')
