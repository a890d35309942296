"""Shares loaded models among the pipelines of a process: their weights are in memory once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ml_integration.core.contracts import Session
from ml_integration.core.datatypes import ModelContent
from ml_integration.core.execution import ExecutionSettings


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Key of a loaded model: two sessions with equal keys share it.

    Attributes:
        backend: name of the backend.
        model: `name@version`, which the engine's errors name.
        digest: of the model file.
        external: names and digests of the files that hold large weights.
        execution: settings for executing it.
    """

    backend: str
    model: str
    digest: str
    external: tuple[tuple[str, str], ...]
    execution: ExecutionSettings


@dataclass(eq=False, slots=True)
class _Loaded:
    opening: threading.Lock = field(default_factory=threading.Lock)
    root: Session | None = None
    sharers: int = 0


class SharedSession:
    """Session of a loaded model that others may share; see `Session`."""

    def __init__(self, session: Session, loaded: _Loaded, leave: Callable[[], None]) -> None:
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.device = session.device
        self.fallback = session.fallback
        self.from_cache = session.from_cache
        self.metadata = session.metadata
        self.threads = session.threads
        self.spinning = session.spinning
        self.graph_optimization = session.graph_optimization
        # Who shares a model does not share a CPU: there may be more of them than that.
        self.cpus = session.cpus if loaded.sharers == 1 else frozenset[int]()
        self.run = session.run  # nothing in between: this is on each frame's way
        self.interrupt = session.interrupt
        self.share = session.share
        self._session = session
        self._loaded = loaded
        self._leave: Callable[[], None] | None = leave

    @property
    def sharers(self) -> int:
        """Number of sessions that use the loaded model, this one included."""
        return self._loaded.sharers

    def close(self) -> None:
        self._session.close()
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class SharedSessions:
    """Loaded models of a process. Thread-safe.

    A model stays loaded until its last session is closed. A caller that asks for a model that is
    being opened waits for it, and tries again itself if that fails.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[ModelKey, _Loaded] = {}

    def open(self, key: ModelKey, load: Callable[[], Session], fresh: bool = False) -> Session:
        """Returns a session of a model that is loaded already, or loads it.

        Args:
            key: the model.
            load: loads it; what it raises passes and leaves nothing behind.
            fresh: load it anyway; who comes later shares this one.
        """
        with self._lock:
            if fresh:
                self._models.pop(key, None)
            loaded = self._models.setdefault(key, _Loaded())
            loaded.sharers += 1
        try:
            with loaded.opening:
                if loaded.root is None:
                    loaded.root = load()
                session = loaded.root.share()
        except BaseException:
            self._leave(key, loaded)
            raise
        return SharedSession(session, loaded, lambda: self._leave(key, loaded))

    def _leave(self, key: ModelKey, loaded: _Loaded) -> None:
        with self._lock:
            loaded.sharers -= 1
            last = not loaded.sharers
            if last and self._models.get(key) is loaded:
                del self._models[key]
        if last and loaded.root is not None:
            loaded.root.close()


def model_key(backend: str, content: ModelContent, execution: ExecutionSettings) -> ModelKey:
    """Returns the key of a model that is to be opened from `content`."""
    identity = content.identity
    digest = identity.sha256 or hashlib.sha256(content.model).hexdigest()
    external = tuple(
        (name, hashlib.sha256(data).hexdigest()) for name, data in sorted(content.external.items())
    )
    return ModelKey(backend, str(identity), digest, external, execution)


def sharers(session: Session) -> int:
    """Counts the sessions of this process that use the same loaded model, this one included."""
    return session.sharers if isinstance(session, SharedSession) else 1
