"""From a verified model package to a pipeline that has proven itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from ml_integration.core import plugins
from ml_integration.core.contracts import ArtifactCache, Backend, Sensor, Session, Task
from ml_integration.core.datatypes import ModelDescription, TensorSpec
from ml_integration.core.declaration import build
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.batching import make_batch, prove_batch, zeros
from ml_integration.deploy.shared_sessions import SharedSessions, model_key
from ml_integration.errors import ModelMismatchError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage

# Looking through everything that is installed takes 20 ms of Python, each time.
_plugin = cache(plugins.load)
_SESSIONS = SharedSessions()
"""Of this process, whichever node asks."""


def go_on() -> None:
    """The pause of whoever disturbs nobody."""


def load_pipeline(
    package: ModelPackage,
    execution: ExecutionSettings,
    *,
    together: Callable[[str], int] = lambda device: 1,
    artifacts: ArtifactCache | None = None,
    fresh: bool = False,
    pause: Callable[[], None] = go_on,
) -> Pipeline:
    """Opens a model, checks it against its manifest and lets it prove itself.

    The session is opened from the bytes that were verified, warmed up and run on the golden
    sample. When any of that fails, the session is closed and nothing is left behind. Pipelines
    of one model with the same settings share what is loaded.

    Args:
        package: the verified model.
        execution: how it is executed.
        artifacts: where the engine may keep what it made of the model.
        together: says how many frames should run together on a device, if the model can do it.
        fresh: load the model again also where it is loaded already.
        pause: is called before each step that takes the CPU from others.

    Raises:
        SettingError: the manifest's settings are not those of its task.
        PluginError: the manifest names a task, sensor or backend that is not there.
        ModelError: the engine refuses the model, or model, manifest and task disagree.
    """
    manifest = package.manifest
    pause()
    session = _open(package, execution, artifacts, fresh)
    try:
        model = _describe(package, session)
        task = _make_task(package, model)
        sensor: Sensor = _plugin('sensors', _only_sensor(manifest, model))(task.formats)
        prove(package, session, pause)
        frames = together(session.device)
        batch = make_batch(partial(_make_task, package, model), model, frames)
        if batch is not None:
            pause()
            prove_batch(package, session, frames)
        return Pipeline(sensor, task, session, model, batch=batch)
    except BaseException:
        session.close()
        raise


def _open(
    package: ModelPackage,
    execution: ExecutionSettings,
    artifacts: ArtifactCache | None,
    fresh: bool,
) -> Session:
    name, content = package.manifest.backend, package.content
    backend: Backend = _plugin('backends', name)()
    # An encrypted model may be decrypted in memory only, and so may what is made of it.
    kept = None if package.manifest.encrypted else artifacts
    return _SESSIONS.open(
        model_key(name, content, execution),
        lambda: backend.open(content, execution, kept),
        fresh,
    )


def prove(package: ModelPackage, session: Session, pause: Callable[[], None] = go_on) -> None:
    """Warms the session up on zeros and, where there is one, runs the golden sample.

    Raises:
        InferenceError: the model does not run.
        GoldenError: it does not compute what it should.
    """
    specs = tuple(item.spec for item in package.manifest.inputs)
    pause()
    session.run({spec.name: zeros(spec, 1) for spec in specs})
    if package.golden is not None:
        pause()
        outputs = session.run(package.golden.inputs(specs))
        package.golden.compare(outputs, str(package.content.identity))


def _describe(package: ModelPackage, session: Session) -> ModelDescription:
    manifest, identity = package.manifest, package.content.identity
    inputs = tuple(item.spec for item in manifest.inputs)
    _agree(str(identity), 'input', inputs, session.inputs)
    _agree(str(identity), 'output', manifest.outputs, session.outputs)
    return ModelDescription(identity, package.labels, inputs, manifest.outputs)


def _agree(
    model: str, side: str, stated: Sequence[TensorSpec], real: Sequence[TensorSpec]
) -> None:
    by_name = {spec.name: spec for spec in real}
    fits = len(stated) == len(real) and all(
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


def _make_task(package: ModelPackage, model: ModelDescription) -> Task:
    manifest = package.manifest
    task_type = _plugin('tasks', manifest.task)
    where = f'{package.directory / "manifest.yaml"}: settings of {manifest.task}'
    settings = build(task_type.Settings, manifest.settings, where)
    task: Task = task_type(settings, model)
    _agree(str(model.identity), 'input', task.input_specs(), model.inputs)
    return task


def _only_sensor(manifest: Manifest, model: ModelDescription) -> str:
    sensors = [item.sensor for item in manifest.inputs]
    if len(sensors) != 1:
        raise ModelMismatchError(
            str(model.identity),
            'a pipeline is fed by one sensor',
            got=f'{len(sensors)} inputs ({", ".join(sensors)})',
            expected='a model with one input',
        )
    return sensors[0]
