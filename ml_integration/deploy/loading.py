"""Loads a verified model package into a pipeline and tests it before it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ml_integration.core.batching import BatchSettings
from ml_integration.core.contracts import Backend, Session
from ml_integration.core.datatypes import Array, ModelContent, ModelIdentity, Tensors, TensorSpec
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.pipeline import Pipeline
from ml_integration.deploy.assembly import (
    ReaderFor,
    as_it_is,
    assemble,
    default_tensors,
    plugin,
    zeros,
)
from ml_integration.deploy.shared_sessions import SharedSessions, model_key
from ml_integration.errors import InferenceError, ModelLoadError, ModelMismatchError
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.node_state import Edition

_SESSIONS = SharedSessions()
"""Loaded models that all nodes of this process share."""


def _at_once() -> None:
    """Begins the next step without waiting for anybody."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Makes pipelines of verified packages.

    Pipelines of one model with the same settings share what is loaded.

    Attributes:
        execution: how models are executed.
        batch: settings for batches of frames of several streams.
        streams: number of streams.
        artifacts: cache for what the engine makes of a model; `keep` writes it to disk.
        reader_for: reads messages as they arrive.
        pause: is called before each step that takes the CPU from others.
    """

    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    streams: int = 1
    artifacts: StoredArtifacts | None = None
    reader_for: ReaderFor = as_it_is
    pause: Callable[[], None] = _at_once

    def beside(self, pause: Callable[[], None]) -> Loader:
        """Returns the loader to use while frames are served; `pause` waits for a gap."""
        return replace(self, pause=pause)

    def load(self, package: ModelPackage, fresh: bool = False) -> Pipeline:
        """Opens a model, checks it against its manifest and tests it.

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
        self.pause()
        session = self._open(package, fresh)
        try:
            most = self.batch.together(self.streams, session.device)
            pipeline = assemble(package, session, most, self.reader_for)
            self._prove(package, session, pipeline.model.inputs)
            if pipeline.batch_size > 1:
                self.pause()
                _prove_batch(package, session, pipeline.batch_size)
            return pipeline
        except BaseException:
            session.close()
            raise

    def keep(self) -> None:
        """Writes to disk what makes the next load of these models faster."""
        if self.artifacts is not None:
            self.artifacts.write()

    def _open(self, package: ModelPackage, fresh: bool) -> Session:
        name, content, written = (
            self.execution.engine,
            package.content,
            package.manifest.format,
        )
        backend: Backend = plugin('backends', name)()
        if written not in backend.formats:
            raise ModelLoadError(
                str(content.identity),
                f"the engine '{name}' opens {', '.join(backend.formats)}, the model is {written}",
                'Choose another engine with the parameter execution.engine.',
            )
        # An encrypted model may be decrypted in memory only, and so may what is made of it.
        kept = None if package.manifest.encrypted else self.artifacts
        return _SESSIONS.open(
            model_key(name, content, self.execution),
            lambda: backend.open(content, self.execution, kept),
            fresh,
        )

    def _prove(
        self, package: ModelPackage, session: Session, inputs: Sequence[TensorSpec]
    ) -> None:
        """Warms the session up on zeros and, where there is one, runs the golden sample."""
        manifest = package.manifest
        tensors = default_tensors(manifest, inputs)
        self.pause()
        session.run(tensors)
        if package.golden is not None:
            self.pause()
            sampled = {item.tensor for item in manifest.sensor_inputs}
            must = [spec for spec in inputs if spec.name in sampled]
            may = [spec for spec in inputs if spec.name not in sampled]
            outputs = session.run({**tensors, **package.golden.inputs(must, may)})
            package.golden.compare(outputs, str(package.content.identity))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Verified package, without its bytes, and the pipeline that was made of it."""

    package: ModelPackage
    pipeline: Pipeline

    @staticmethod
    def of(package: ModelPackage, pipeline: Pipeline) -> Loaded:
        """Makes one without the package's bytes, of which the session has its own copy."""
        light = replace(package, content=ModelContent(package.content.identity, b''), golden=None)
        return Loaded(light, pipeline)

    @property
    def identity(self) -> ModelIdentity:
        """Identity of the model."""
        return self.pipeline.model.identity

    @property
    def edition(self) -> Edition:
        """Content that was loaded."""
        return Edition.of(self.package.manifest)


def _prove_batch(package: ModelPackage, session: Session, size: int) -> None:
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
    outputs = _run_batch(session, inputs, size, model)
    if golden is not None and single:
        golden.compare({name: array[-1:] for name, array in outputs.items()}, model)


def _run_batch(session: Session, inputs: Tensors, size: int, model: str) -> Tensors:
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
