"""Loads a verified model package into a pipeline and tests it before it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ml_integration.core.abilities import Versioned
from ml_integration.core.batching import BatchSettings
from ml_integration.core.contracts import Backend, Session
from ml_integration.core.datatypes import Tensors
from ml_integration.core.execution import ExecutionSettings
from ml_integration.core.left_behind import left_behind
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stage_contracts import Following
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
)
from ml_integration.deploy.calibration import Calibration
from ml_integration.deploy.comparison import Comparison
from ml_integration.deploy.job import Job, nothing
from ml_integration.deploy.niceness import nicely
from ml_integration.deploy.proving import full_batch, prove, prove_batch
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.deploy.shared_sessions import SharedSessions, model_key
from ml_integration.deploy.way import Load, Way, usual_way
from ml_integration.errors import (
    LoadTimeoutError,
    MlIntegrationError,
    ModelError,
    ModelLoadError,
    SupersededError,
)
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.artifacts import StoredArtifacts

_SESSIONS = SharedSessions()
"""Loaded models that all nodes of this process share."""
TIMEOUT_S = 120.0
"""Time for opening and testing a model, where nobody says another one [s]."""
MOST_CALIBRATED_BYTES = 64 * 1024 * 1024
"""Size of the largest model of which several ways to execute it are tried."""
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
        calibration: chooses threads where the settings leave them open; None: the usual ones.
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
    calibration: Calibration | None = None
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
            prove(package, session, pipeline, job, self.pause)
            if pipeline.batch_size > 1:
                self._step(job)
                prove_batch(package, session, pipeline.batch_size, job)
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
        if self.calibration is not None:
            self.calibration.write()

    def settle(self, package: ModelPackage, pipeline: Pipeline) -> None:
        """Chooses the threads of a loaded model, where nothing is known and it may be chosen.

        Whatever fails in it leaves the model as it is.

        Args:
            package: the verified model.
            pipeline: the same, loaded, which does not serve yet; it gets another session of the
                same model if that is better.

        Raises:
            ModelError: the job was ended, or its time is over.
        """
        job = self.job or Job(str(package.content.identity), TIMEOUT_S)
        unused = pipeline.session
        try:
            unused = better = self._settled(package, pipeline, job)
            if better is not pipeline.session:
                prove(package, better, pipeline, job, self.pause)
                unused, pipeline.session = pipeline.session, better
        except MlIntegrationError:
            job.check()
        finally:
            if unused is not pipeline.session:
                self.discard(unused.close)
            job.interruptible(nothing)

    def _second(self, first: str, name: str, stage: Following, fresh: bool) -> OpenSecondModel:
        """Finds, opens and tests the model that a stage follows with.

        Raises:
            ModelLoadError: it cannot be had.
        """
        try:
            if self.find is None:
                raise ModelError('there is no store to take it from')
            package = self.find(stage.wanted)
            pipeline = self._for_frames(stage.most).load(package, fresh)
        except (LoadTimeoutError, SupersededError):
            raise
        except MlIntegrationError as error:
            reason = f"its stage {name} cannot have the model '{stage.wanted}': {error}"
            raise ModelLoadError(first, reason) from error
        return self._opened_second(pipeline, package)

    def open_second(
        self, package: ModelPackage, wrap: Callable[[Session], Session]
    ) -> OpenSecondModel:
        """Opens a model that is asked about single frames, and not by a stage.

        Args:
            package: the verified model.
            wrap: returns the session that runs it, made of the loaded one.

        Raises:
            ModelError: it cannot be had, or it wants more than a picture.
        """
        pipeline = self._for_frames(1).load(package)
        pipeline.session = wrap(pipeline.session)
        return self._opened_second(pipeline, package)

    def _for_frames(self, most: int) -> Loader:
        """Returns the loader of a model whose frames are there already, so many at once."""
        return replace(
            self, streams=most, reader_for=as_it_is, stages=NO_STAGES, transports=ALL_RAW
        )

    def _opened_second(self, pipeline: Pipeline, package: ModelPackage) -> OpenSecondModel:
        try:
            return OpenSecondModel(pipeline, package)
        except BaseException:
            self.discard(pipeline.close)
            raise

    def _settled(self, package: ModelPackage, pipeline: Pipeline, job: Job) -> Session:
        """Returns a session that executes the model in the best way; the pipeline's if it does."""
        calibration, engine = self.calibration, self._engine()
        model, digest = str(package.content.identity), package.content.identity.sha256
        usual, known = pipeline.session, self._way(package)
        on_cpu, small = usual.device.startswith('CPU'), _is_small(package)
        if calibration is None or not (engine and on_cpu and small):
            return usual
        if known == Way(usual.threads, usual.spinning):
            return usual
        comparison = Comparison(
            usual,
            lambda way: self._opened_aside(package, way.of(self.execution)),
            _full_run(package, pipeline),
            self._load,
            self.pause,
            job,
            self._is_alone,
        )
        try:
            way = calibration.choose(model, digest, engine, self.execution, comparison)
            if way is None or way == usual_way():
                return usual
            settings = way.of(self.execution)
            key = model_key(self.execution.engine, package.content, settings)
            return _SESSIONS.open(key, lambda: comparison.taken(way))
        finally:
            comparison.close(self.discard)

    @property
    def _load(self) -> Load:
        """What models are used for on a CPU."""
        return Load(self.streams, self.batch.together(self.streams, 'CPU'))

    @property
    def _is_alone(self) -> bool:
        """True if nothing serves meanwhile."""
        return self.pause is _at_once

    def _opened_aside(self, package: ModelPackage, settings: ExecutionSettings) -> Session:
        """Opens a session to compare with; nicely where that would slow down what serves."""
        if self._is_alone:
            return self._opened(package, settings)
        return nicely(lambda: self._opened(package, settings))

    def _way(self, package: ModelPackage) -> Way | None:
        """Returns in which way the model is known to be executed best."""
        engine = self._engine()
        if self.calibration is None or not engine:
            return None
        digest = package.content.identity.sha256
        return self.calibration.known(digest, engine, self.execution, self._load)

    def _engine(self) -> str:
        """Returns name and version of an engine whose threads may be chosen; empty if none may."""
        backend = self._backend()
        if self.execution.leaves_threads_open and isinstance(backend, Versioned):
            return f'{self.execution.engine} {backend.version()}'
        return ''

    def _open(self, package: ModelPackage, fresh: bool) -> Session:
        name, content, written = self.execution.engine, package.content, package.manifest.format
        formats = self._backend().formats
        if written not in formats:
            raise ModelLoadError(
                str(content.identity),
                f"the engine '{name}' opens {', '.join(formats)}, the model is {written}",
                'Choose another engine with the parameter execution.engine.',
            )
        way = self._way(package)
        settings = way.of(self.execution) if way else self.execution
        key = model_key(name, content, settings)
        return _SESSIONS.open(key, lambda: self._opened(package, settings), fresh)

    def _opened(self, package: ModelPackage, settings: ExecutionSettings) -> Session:
        # An encrypted model may be decrypted in memory only, and so may what is made of it.
        kept = None if package.manifest.encrypted else self.artifacts
        return self._backend().open(package.content, settings, kept)

    def _backend(self) -> Backend:
        backend: Backend = plugin('backends', self.execution.engine)()
        return backend

    def _step(self, job: Job) -> None:
        self.pause()
        job.check()


def _full_run(package: ModelPackage, pipeline: Pipeline) -> Tensors:
    """Makes what a run takes that has as many frames as run together."""
    if pipeline.batch_size > 1:
        return full_batch(package.manifest, pipeline.batch_size)
    return default_tensors(package.manifest, pipeline.wiring)


def _is_small(package: ModelPackage) -> bool:
    """Tells whether a model may be in memory several times for a moment."""
    return sum(pin.size for pin in package.manifest.files.values()) <= MOST_CALIBRATED_BYTES
