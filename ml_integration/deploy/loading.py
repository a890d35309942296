"""From a verified model package to a pipeline that has proven itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from ml_integration.core import plugins
from ml_integration.core.batching import Batch, BatchSettings
from ml_integration.core.contracts import Backend, Sensor, Session, Task
from ml_integration.core.datatypes import (
    ModelContent,
    ModelDescription,
    ModelIdentity,
    TensorSpec,
)
from ml_integration.core.declaration import build
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.batching import make_batch, prove_batch, zeros
from ml_integration.deploy.shared_sessions import SharedSessions, model_key
from ml_integration.errors import ModelMismatchError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.artifacts import StoredArtifacts

# Looking through everything that is installed takes 20 ms of Python, each time.
_plugin = cache(plugins.load)
_SESSIONS = SharedSessions()
"""Of this process, whichever node asks."""

SensorFactory = Callable[[str, tuple[str, ...]], Sensor]
"""Makes a sensor from its plug-in name and the formats that the task takes."""


def make_sensor(name: str, formats: tuple[str, ...]) -> Sensor:
    """The plain factory: looks the plug-in up and builds it."""
    sensor: Sensor = _plugin('sensors', name)(formats)
    return sensor


def _at_once() -> None:
    """Begins the next step without waiting for anybody."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Makes pipelines of verified packages.

    Pipelines of one model with the same settings share what is loaded.

    Attributes:
        execution: how models are executed.
        batch: how frames of several streams are put together, if the model can do it.
        streams: how many streams there are.
        artifacts: where the engine may keep what it made of a model, until `keep` writes it.
        sensors: makes the sensor.
        pause: is called before each step that takes the CPU from others.
    """

    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    streams: int = 1
    artifacts: StoredArtifacts | None = None
    sensors: SensorFactory = make_sensor
    pause: Callable[[], None] = _at_once

    def beside(self, pause: Callable[[], None]) -> Loader:
        """Returns the loader to use while frames are served; `pause` waits for a gap."""
        return replace(self, pause=pause)

    def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
        """Opens a model, checks it against its manifest and lets it prove itself.

        The session is opened from the bytes that were verified, warmed up and run on the golden
        sample. When any of that fails, the session is closed and nothing is left behind.

        Args:
            package: the verified model.
            fresh: load the model again also where this process has loaded it already.

        Raises:
            SettingError: the manifest's settings are not those of its task.
            PluginError: the manifest names a task, sensor or backend that is not there.
            ModelError: the engine refuses the model, or model, manifest and task disagree.
        """
        manifest = package.manifest
        self.pause()
        session = self._open(package, fresh)
        try:
            model = _describe(package, session)
            task = _make_task(package, model)
            sensor = self.sensors(_only_sensor(manifest, model), task.formats)
            self._prove(package, session)
            batch = self._make_batch(package, session, model)
            return Pipeline(sensor, task, session, model, batch=batch)
        except BaseException:
            session.close()
            raise

    def keep(self) -> None:
        """Writes to disk what loading has made for the next time."""
        if self.artifacts is not None:
            self.artifacts.write()

    def _open(self, package: ModelPackage, fresh: bool) -> Session:
        name, content = package.manifest.backend, package.content
        backend: Backend = _plugin('backends', name)()
        # An encrypted model may be decrypted in memory only, and so may what is made of it.
        kept = None if package.manifest.encrypted else self.artifacts
        return _SESSIONS.open(
            model_key(name, content, self.execution),
            lambda: backend.open(content, self.execution, kept),
            fresh,
        )

    def _prove(self, package: ModelPackage, session: Session) -> None:
        """Warms the session up on zeros and, where there is one, runs the golden sample."""
        specs = tuple(item.spec for item in package.manifest.inputs)
        self.pause()
        session.run({spec.name: zeros(spec, 1) for spec in specs})
        if package.golden is not None:
            self.pause()
            outputs = session.run(package.golden.inputs(specs))
            package.golden.compare(outputs, str(package.content.identity))

    def _make_batch(
        self, package: ModelPackage, session: Session, model: ModelDescription
    ) -> Batch | None:
        frames = self.batch.together(self.streams, session.device)
        batch = make_batch(partial(_make_task, package, model), model, frames)
        if batch is not None:
            self.pause()
            prove_batch(package, session, frames)
        return batch


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified package, without its bytes, and the pipeline that was made of it."""

    package: ModelPackage
    pipeline: Pipeline

    @staticmethod
    def of(package: ModelPackage, pipeline: Pipeline) -> Loaded:
        """Drops the bytes: the session has its own copy, a second one would only take memory."""
        light = replace(package, content=ModelContent(package.content.identity, b''), golden=None)
        return Loaded(light, pipeline)

    @property
    def identity(self) -> ModelIdentity:
        """Of the model."""
        return self.pipeline.model.identity


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
