"""A deployment with real models that can be stopped, or killed, and started again."""

from __future__ import annotations

from pathlib import Path
from time import monotonic_ns

from ml_integration.core.execution import ExecutionSettings
from ml_integration.deploy.admission import Admission
from ml_integration.deploy.deployment import Deployment
from ml_integration.deploy.file_watch import FileReport, FileWatch
from ml_integration.deploy.history import History
from ml_integration.deploy.loading import Loader
from ml_integration.deploy.probation import ProbationSettings
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.state.artifacts import StoredArtifacts
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import DIGEST, Trust

WAIT_S = 30.0
QUICK = ProbationSettings(good_frames=2, seconds=0.0, attempts=2)


class Robot:
    """A deployment that can be stopped, or killed, and started again."""

    def __init__(self, store: Path, state: Path, trust: Trust = DIGEST) -> None:
        self._store, self.state_dir, self._trust = store, state, trust
        self.artifacts: StoredArtifacts | None = None
        self.deployment = self.boot()

    def boot(
        self,
        loader: type[Loader] = Loader,
        trust: Trust | None = None,
        timeout_s: float = WAIT_S,
    ) -> Deployment:
        state_dir = StateDir(self.state_dir)
        self.history = history = History(state_dir, '/detector')
        store = ModelStore([self._store], state_dir)
        trust = trust or self._trust
        self.orders = OrderBook([self._store], state_dir, trust, '/detector')
        self.admission = admission = Admission(store, trust, history.of_model, self.orders)
        self.now_ns = 0
        self.deployment = Deployment(
            admission,
            loader(ExecutionSettings(intra_op_threads=1), artifacts=self.artifacts),
            history,
            lambda: QUICK,
            monotonic_ns,
            timeout_s=lambda: timeout_s,
        )
        self.watch = FileWatch(
            lambda: self.deployment.serving, admission, history, lambda: self.now_ns
        )
        return self.deployment

    def look(self, after_s: float = 0.0) -> FileReport:
        """Looks at the serving model's files, some time after the last look."""
        self.now_ns += int(after_s * 1e9)
        self.watch.look()
        return self.watch.report()

    def state(self) -> ModelState:
        """What this machine remembers about m."""
        return StateDir(self.state_dir).model_state('m')

    def serve(self, frames: int = 2) -> None:
        for _ in range(frames):
            with self.deployment.router.lease() as lease:
                lease.record(True)

    def serving(self) -> str:
        return str(self.deployment.serving.identity)

    def audit(self) -> list[tuple[str, str, str]]:
        entries = StateDir(self.state_dir).audit.entries()
        return [(entry.action, entry.model, entry.result) for entry in entries]

    def swap(self, reference: str) -> str:
        """Swaps and waits; returns the sentence that says so."""
        return self.deployment.swap(self.deployment.admit(reference)).result(WAIT_S)
