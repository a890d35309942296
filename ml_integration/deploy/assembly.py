"""Puts a pipeline together: what its manifest says, around a session that is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ml_integration.core import plugins
from ml_integration.core.contracts import Encoder, Picturing, Sensor, Session, Task
from ml_integration.core.datatypes import Array, ModelDescription, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.core.inputs import ConstantInput, SensorInput, SizeInput, StateInput
from ml_integration.core.pipeline import Pipeline, Second
from ml_integration.core.stage_contracts import Companion, Following, Stage
from ml_integration.core.transports import PICTURES, Transports
from ml_integration.core.wiring import Beside, Input, SizedConstant, Wiring
from ml_integration.deploy.stage_agreement import check_topics, companions_of
from ml_integration.errors import ManifestError, ModelError, ModelMismatchError
from ml_integration.store.package.manifest import MANIFEST, Manifest
from ml_integration.store.package.package import ModelPackage

# Looking through everything that is installed takes 20 ms of Python, each time.
plugin = cache(plugins.load)

Read = Callable[[Any], Any]
"""Makes a message with fields from the form in which it arrived, such as serialized bytes."""
ReaderFor = Callable[[str], Read]
"""Returns a function that reads messages of a type such as 'sensor_msgs/msg/Image'."""


StageSettings = Mapping[str, Any]
"""Settings of each stage by its name, in the order in which they work."""
NO_STAGES: StageSettings = MappingProxyType({})
OpenSecond = Callable[[str, Following], Second]
"""Opens the second model that the stage of a name wants."""
ALL_RAW = Transports()


def as_it_is(message_type: str) -> Read:
    """Gives a reader for messages that arrive with their fields."""
    return _unchanged


def no_second(name: str, stage: Following) -> Second:
    """Opens no second model.

    Raises:
        ModelError: always.
    """
    raise ModelError(f"there is no store to take '{stage.wanted}' from", where=name)


def assemble(
    package: ModelPackage,
    session: Session,
    most: int,
    reader_for: ReaderFor = as_it_is,
    stages: StageSettings = NO_STAGES,
    transports: Transports = ALL_RAW,
    open_second: OpenSecond = no_second,
) -> Pipeline:
    """Makes a pipeline of a package and its open session.

    Args:
        package: the verified model.
        session: the same, open.
        most: the most observations that may run together, if the model can do it.
        reader_for: reads messages as they arrive.
        stages: work on the results.
        transports: forms in which pictures come.
        open_second: opens the models that stages follow with; it closes them if this fails.

    Raises:
        SettingError: the manifest's settings are not those of its task or encoders, or
            `transports` names topics that nobody wants.
        PluginError: the manifest names a task or a sensor that is not there.
        ModelMismatchError: model, manifest and plug-ins disagree.
    """
    manifest, identity = package.manifest, package.content.identity
    inputs = check_tensors(manifest, session)
    first = {item.tensor: _encoder(package, item) for item in manifest.sensor_inputs}
    pictures = {n: one.target_wh for n, one in first.items() if isinstance(one, Picturing)}
    model = ModelDescription(identity, package.labels, inputs, manifest.outputs, pictures)
    task = _task(package, model)
    size = most if _can_batch(manifest, task, model) else 1
    constants = _sized_constants(manifest, inputs, pictures)
    sides = {item.tensor: pictures[item.picture][::-1] for item in constants}
    rows = {spec.name: zeros(_concrete(spec, first, sides), size) for spec in inputs}
    _check_sizes(manifest, rows)
    _write_constants(manifest, rows)
    wired = tuple(
        _input(package, item, first[item.tensor], rows[item.tensor][:size], reader_for, transports)
        for item in manifest.sensor_inputs
    )
    states = tuple(item for item in manifest.inputs if isinstance(item, StateInput))
    sizes = tuple(item for item in manifest.inputs if isinstance(item, SizeInput))
    staged = {n: plugin('stages', n)(settings, task, model) for n, settings in stages.items()}
    seconds = _followed(staged, open_second)
    check_topics(manifest, task, staged)
    companions = companions_of(manifest, staged)
    beside = tuple(_beside(item, reader_for, transports) for item in companions)
    wiring = Wiring(wired, manifest.trigger, rows, states, sizes, constants, beside)
    pictured = [one.source.topic for one in wiring.sources if one.source.kind == PICTURES]
    transports.check_topics(pictured, str(identity))
    return Pipeline(
        wiring,
        task,
        session,
        model,
        stages=staged,
        seconds=seconds,
        reference=package.reference,
    )


def _followed(stages: Mapping[str, Stage], open_second: OpenSecond) -> dict[str, Second]:
    """Opens the second models and gives each to its stage."""
    seconds = {}
    for name, stage in stages.items():
        if isinstance(stage, Following):
            seconds[name] = open_second(name, stage)
            stage.follow(seconds[name])
    return seconds


def check_tensors(manifest: Manifest, session: Session) -> tuple[TensorSpec, ...]:
    """Compares manifest and model file; returns every input in the order of the manifest.

    Raises:
        ModelMismatchError: names, dtypes or shapes differ.
    """
    real = {spec.name: spec for spec in session.inputs}
    inputs = tuple(
        item.spec
        if isinstance(item, SensorInput)
        else real.get(item.tensor, TensorSpec(item.tensor, 'float32', ()))
        for item in manifest.inputs
    )
    _agree(str(manifest.identity), 'input', inputs, session.inputs)
    _agree(str(manifest.identity), 'output', manifest.outputs, session.outputs)
    _check_states(manifest, real)
    return inputs


def default_tensors(manifest: Manifest, wiring: Wiring) -> Mapping[str, Array]:
    """Makes every input for one observation: zeros, and the constants as they are."""
    tensors = {name: np.zeros_like(array) for name, array in wiring.row(0).items()}
    _write_constants(manifest, tensors)
    for item in manifest.inputs:
        if isinstance(item, SizeInput):  # a picture without pixels would be one more case
            tensors[item.tensor][...] = 1
    return tensors


def zeros(spec: TensorSpec, batch: int) -> Array:
    """Makes a tensor of zeros, with `batch` as its first size if that is free."""
    # Another free dimension is one whose size does not matter for the computation.
    first = (spec.shape[0] or batch,) if spec.shape else ()
    return np.zeros((*first, *(size or 1 for size in spec.shape[1:])), spec.dtype)


def _task(package: ModelPackage, model: ModelDescription) -> Task:
    manifest, file = package.manifest, package.directory / MANIFEST
    if 'preprocess' in manifest.settings:
        raise ManifestError(
            file,
            'settings.preprocess',
            manifest.settings['preprocess'],
            'no such setting of a task',
            "How messages become a tensor is said by the input: move it to its 'encode'.",
        )
    task_type = plugin('tasks', manifest.task)
    settings = build(task_type.Settings, manifest.settings, f'{file}: settings of {manifest.task}')
    task: Task = task_type(settings, model)
    return task


def _input(
    package: ModelPackage,
    source: SensorInput,
    first: Encoder,
    rows: Array,
    reader_for: ReaderFor,
    transports: Transports,
) -> Input:
    """Binds an encoder to each row of a tensor, the one that is there to the first row."""
    encoders = (first, *(_encoder(package, source) for _ in rows[1:]))
    for row, encoder in enumerate(encoders):
        encoder.bind(rows[row : row + 1])
    kind, topic = source.kind, source.topic
    sensor: Sensor = plugin('sensors', transports.sensor(kind, topic))(encoders[0].formats)
    read = reader_for(sensor.message_type)
    return Input(source, read, sensor, encoders, transports.of(kind, topic))


def _beside(companion: Companion, reader_for: ReaderFor, transports: Transports) -> Beside:
    kind, topic = companion.kind, companion.topic
    sensor: Sensor = plugin('sensors', transports.sensor(kind, topic))(companion.formats)
    read = reader_for(sensor.message_type)
    return Beside(companion, read, sensor, transports.of(kind, topic))


def _encoder(package: ModelPackage, source: SensorInput) -> Encoder:
    encoder_type = plugin('encoders', plugin('sensors', source.kind).kind)
    where = f"{package.directory / MANIFEST}: encode of '{source.tensor}'"
    settings = build(encoder_type.Settings, source.encode, where)
    encoder: Encoder = encoder_type(settings, source.spec, str(package.content.identity))
    return encoder


def _sized_constants(
    manifest: Manifest, inputs: Sequence[TensorSpec], pictures: Mapping[str, tuple[int, int]]
) -> tuple[SizedConstant, ...]:
    """Returns the constants with a free height and width, which are those of the only picture."""
    if len(pictures) != 1:
        return ()
    (picture,) = pictures
    free = {spec.name for spec in inputs if spec.shape[1:][-2:] == (None, None)}
    return tuple(
        SizedConstant(item.tensor, picture, item.value)
        for item in manifest.inputs
        if isinstance(item, ConstantInput) and item.tensor in free
    )


def _concrete(
    spec: TensorSpec, encoders: Mapping[str, Encoder], sides: Mapping[str, tuple[int, int]]
) -> TensorSpec:
    """Returns a tensor's spec with the sizes that it begins with.

    Args:
        spec: as the model has it.
        encoders: those that fill tensors, by their names.
        sides: height and width of the constants that are as large as a picture.
    """
    if spec.name in sides:
        return replace(spec, shape=(*spec.shape[:-2], *sides[spec.name]))
    if spec.name not in encoders:
        return spec
    return replace(spec, shape=(*spec.shape[:1], *encoders[spec.name].spec.shape[1:]))


def _can_batch(manifest: Manifest, task: Task, model: ModelDescription) -> bool:
    """Tells whether every first axis is free and counts observations that do not mix.

    Pictures that give an input its size differ in it.
    """
    free = all(spec.shape[:1] == (None,) for spec in (*model.inputs, *model.outputs))
    alike = all(None not in spec.shape[1:] for spec in model.inputs)
    own = all(isinstance(item, SensorInput) for item in manifest.inputs)
    return free and alike and own and task.batched


def _write_constants(manifest: Manifest, tensors: Mapping[str, Array]) -> None:
    for item in manifest.inputs:
        if not isinstance(item, ConstantInput):
            continue
        tensor = tensors[item.tensor]
        if not _holds(tensor.dtype, item.value):
            raise ModelMismatchError(
                str(manifest.identity),
                f"input '{item.tensor}' cannot hold its constant",
                f'{item.value:g}',
                f'a number of the type {tensor.dtype}',
                "Correct 'constant' in the manifest.",
            )
        tensor[...] = item.value


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    """Tells whether a type can hold a number, apart from rounding of floating-point numbers."""
    match dtype.kind:
        case 'f':
            return abs(value) <= float(np.finfo(dtype).max)
        case 'i' | 'u':
            limits = np.iinfo(dtype)
            return value.is_integer() and int(limits.min) <= value <= int(limits.max)
    return dtype.kind == 'b' and value in (0, 1)


def _check_sizes(manifest: Manifest, tensors: Mapping[str, Array]) -> None:
    for item in manifest.inputs:
        if not isinstance(item, SizeInput):
            continue
        tensor = tensors[item.tensor]
        wide = tensor.dtype.kind == 'f' or (tensor.dtype.kind in 'iu' and tensor.itemsize > 1)
        if tensor.shape[-1:] != (2,) or tensor.size != 2 or not wide:
            raise ModelMismatchError(
                str(manifest.identity),
                f"input '{item.tensor}' cannot hold the size of a picture",
                f'{tensor.dtype}{list(tensor.shape)}',
                'numbers of more than 8 bits [2] or [1, 2]',
                "Give it a 'constant' in the manifest, or export the model anew.",
            )


def _agree(
    model: str, side: str, stated: Sequence[TensorSpec], real: Sequence[TensorSpec]
) -> None:
    by_name = {spec.name: spec for spec in real}
    # An output that the task does not use may be left out.
    complete = len(stated) == len(real) or (side == 'output' and len(stated) < len(real))
    fits = complete and all(
        spec.name in by_name and by_name[spec.name].fits(spec) for spec in stated
    )
    if not fits:
        raise ModelMismatchError(
            model,
            f'the manifest does not state the {side}s of the model file',
            got=', '.join(map(str, stated)),
            expected=', '.join(map(str, real)),
            hint='Compare with: ml_model inspect model.onnx.',
        )


def _check_states(manifest: Manifest, real: Mapping[str, TensorSpec]) -> None:
    outputs = {spec.name: spec for spec in manifest.outputs}
    for item in manifest.inputs:
        if not isinstance(item, StateInput):
            continue
        into, of = real[item.tensor], outputs[item.state_of]
        if into.dtype != of.dtype or zeros(into, 1).shape != zeros(of, 1).shape:
            raise ModelMismatchError(
                str(manifest.identity),
                f"input '{item.tensor}' cannot hold the state '{item.state_of}'",
                str(of),
                str(into),
                "Correct 'state_of' in the manifest, or export the model with fixed sizes.",
            )


def _unchanged(message: Any) -> Any:
    return message
