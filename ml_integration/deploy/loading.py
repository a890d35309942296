"""Loads a verified model package into a pipeline and tests it before it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ml_integration.core.batching import BatchSettings
from ml_integration.core.contracts import Backend, Following, Session
from ml_integration.core.datatypes import Array, ModelIdentity, Tensors
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.left_behind import left_behind
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.transports import Transports
from ml_integration.deploy.assembly import (
    ALL_RAW,
    NO_STAGES,
    ReaderFor,
    StageSettings,
    as_it_is,
    assemble,
    default_tensors,
    plugin,
    zeros,
)
from ml_integration.deploy.job import Job, nothing
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.deploy.shared_sessions import SharedSessions, model_key
from ml_integration.errors import (
    DeadlineError,
    InferenceError,
    LoadTimeoutError,
    MlIntegrationError,
    ModelError,
    ModelLoadError,
    ModelMismatchError,
    SupersededError,
)
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.node_state import Edition

_SESSIONS = SharedSessions()
"""Loaded models that all nodes of this process share."""
TIMEOUT_S = 120.0
"""Time for opening and testing a model, where nobody says another one [s]."""
MOST_LEFT_BEHIND = 4
"""Number of loads and frames that hang for ever after which no model is opened any more."""


def _at_once() -> None:
    """Begins the next step without waiting for anybody."""


def _now(close: Callable[[], None]) -> None:
    close()


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
        stages: work on the results.
        transports: forms in which pictures come.
        find: returns the verified package of a second model that a stage wants, by its reference.
        pause: is called before each step that takes the CPU from others.
        discard: closes what was opened in vain, when it is called or later.
        job: ends the load, and says when its time is over; None: `TIMEOUT_S` from its start.
    """

    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    streams: int = 1
    artifacts: StoredArtifacts | None = None
    reader_for: ReaderFor = as_it_is
    stages: StageSettings = field(default_factory=lambda: NO_STAGES)
    transports: Transports = ALL_RAW
    find: Callable[[str], ModelPackage] | None = None
    pause: Callable[[], None] = _at_once
    discard: Callable[[Callable[[], None]], None] = _now
    job: Job | None = None

    def within(self, job: Job) -> Loader:
        """Returns the loader to use for a job, which can end it."""
        return replace(self, job=job)

    def beside(
        self, pause: Callable[[], None], discard: Callable[[Callable[[], None]], None]
    ) -> Loader:
        """Returns the loader to use while frames are served.

        Args:
            pause: waits for a gap between frames.
            discard: closes something on another thread: to give memory back holds up everybody
                who allocates, for as long as a nice thread gets no CPU.
        """
        return replace(self, pause=pause, discard=discard)

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
            ModelError: the engine refuses the model, or model, manifest and task disagree, or it
                takes too long.
        """
        identity = str(package.content.identity)
        job = self.job or Job(identity, TIMEOUT_S)
        if len(hanging := left_behind()) >= MOST_LEFT_BEHIND:
            raise ModelLoadError(
                identity,
                f'{len(hanging)} models hang already: {"; ".join(hanging)}',
                'Restart the process; nothing else ends them.',
            )
        self._step(job)
        session = self._open(package, fresh)
        opened = [session.close]

        def open_second(name: str, stage: Following) -> OpenSecondModel:
            second = self.within(job)._second(identity, name, stage, fresh)
            opened.append(second.close)
            return second

        try:
            job.interruptible(session.interrupt)
            most = self.batch.together(self.streams, session.device)
            pipeline = assemble(
                package,
                session,
                most,
                self.reader_for,
                self.stages,
                self.transports,
                open_second,
            )
            job.interruptible(session.interrupt)
            self._prove(package, session, pipeline, job)
            if pipeline.batch_size > 1:
                self._step(job)
                _prove_batch(package, session, pipeline.batch_size, job)
            job.interruptible(nothing)
            return pipeline
        except BaseException:
            for close in opened:
                self.discard(close)
            raise

    def keep(self) -> None:
        """Writes to disk what makes the next load of these models faster."""
        if self.artifacts is not None:
            self.artifacts.write()

    def _second(self, first: str, name: str, stage: Following, fresh: bool) -> OpenSecondModel:
        """Finds, opens and tests the model that a stage follows with.

        Raises:
            ModelLoadError: it cannot be had.
        """
        try:
            if self.find is None:
                raise ModelError('there is no store to take it from')
            package = self.find(stage.wanted)
            loader = replace(
                self,
                streams=stage.most,
                reader_for=as_it_is,
                stages=NO_STAGES,
                transports=ALL_RAW,
            )
            pipeline = loader.load(package, fresh)
        except (LoadTimeoutError, SupersededError):
            raise
        except MlIntegrationError as error:
            reason = f"its stage {name} cannot have the model '{stage.wanted}': {error}"
            raise ModelLoadError(first, reason) from error
        try:
            return OpenSecondModel(pipeline, package)
        except BaseException:
            self.discard(pipeline.close)
            raise

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

    def _step(self, job: Job) -> None:
        self.pause()
        job.check()

    def _prove(
        self, package: ModelPackage, session: Session, pipeline: Pipeline, job: Job
    ) -> None:
        """Warms the session up on zeros and, where there is one, runs the golden sample."""
        manifest, inputs = package.manifest, pipeline.model.inputs
        tensors = default_tensors(manifest, pipeline.wiring)
        self._step(job)
        _run(session, tensors, job)
        if package.golden is not None:
            self._step(job)
            sampled = {item.tensor for item in manifest.sensor_inputs}
            must = [spec for spec in inputs if spec.name in sampled]
            may = [spec for spec in inputs if spec.name not in sampled]
            outputs = _run(session, {**tensors, **package.golden.inputs(must, may)}, job)
            package.golden.compare(outputs, str(package.content.identity))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Verified package, without its bytes, and the pipeline that was made of it."""

    package: ModelPackage
    pipeline: Pipeline

    @staticmethod
    def of(package: ModelPackage, pipeline: Pipeline) -> Loaded:
        """Makes one without the package's bytes, of which the session has its own copy."""
        return Loaded(package.without_bytes(), pipeline)

    @property
    def identity(self) -> ModelIdentity:
        """Identity of the model."""
        return self.pipeline.model.identity

    @property
    def seconds(self) -> Mapping[str, OpenSecondModel]:
        """Second models of its stages, by the stage's name."""
        seconds = self.pipeline.seconds.items()
        return {name: one for name, one in seconds if isinstance(one, OpenSecondModel)}

    @property
    def second_names(self) -> dict[str, str]:
        """`name@version` of the second models, by the stage's name."""
        return {stage: str(one.description.identity) for stage, one in self.seconds.items()}

    @property
    def edition(self) -> Edition:
        """Content that was loaded."""
        return Edition.of(self.package.manifest)


def _prove_batch(package: ModelPackage, session: Session, size: int, job: Job) -> None:
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
