"""Holds the second models of a node to what their references meant at first."""

from __future__ import annotations

import threading

from ml_integration.deploy.admission import Admission
from ml_integration.store.package.package import ModelPackage
from ml_integration.store.state.node_state import Edition


class PinnedModels:
    """Reads and verifies second models, each time that a first one is loaded. Thread-safe.

    The first model may be swapped while the topics of the second one's results stay, so a
    reference such as a bare name means the same content until the node is configured anew.

    Args:
        admission: verifies models.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._editions: dict[str, Edition] = {}
        self._lock = threading.Lock()

    @property
    def editions(self) -> tuple[Edition, ...]:
        """What was loaded so far."""
        with self._lock:
            return tuple(self._editions.values())

    def __call__(self, reference: str) -> ModelPackage:
        """Returns a verified package.

        Raises:
            MlIntegrationError: it may not be loaded, or has other content than at first.
        """
        with self._lock:
            edition = self._editions.get(reference)
        if edition is not None:
            return self._admission.verify_edition(edition, None)
        package = self._admission.verify(reference, None)
        with self._lock:
            self._editions.setdefault(reference, Edition.of(package.manifest))
        return package
