"""Proves that a version can serve before the bare name means it."""

from __future__ import annotations

from pathlib import Path

from ml_integration.deploy.loading import Loader
from ml_integration.errors import IntegrityError
from ml_integration.store.package.manifest import Manifest
from ml_integration.store.package.package import read_package
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.model_store import how_it_ends
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import Trust, check_release


def prove_and_activate(
    folder: Path, trust: Trust, state: StateDir, meant: int | None = None
) -> tuple[Manifest, ModelState]:
    """Verifies a version, loads it, runs its golden sample and makes the bare name mean it.

    Args:
        folder: holds the version.
        trust: what it has to show.
        state: remembers it.
        meant: the version that the bare name means now, if nobody has chosen one.

    Returns:
        Its manifest and the state before.

    Raises:
        MlIntegrationError: it may not or cannot serve; what was active still is.
    """
    package = read_package(folder, trust)
    manifest = package.manifest
    check_release(manifest, state.model_state(manifest.name), trust)
    Loader().load(package).close()
    before = [ModelState()]

    def activate(now: ModelState) -> ModelState:
        # All of this may have changed while the model was proving itself.
        check_release(manifest, now, trust)
        quarantine = now.quarantine_of(manifest.version, manifest.digest)
        if quarantine is not None:
            model, store = str(manifest.identity), folder.parents[1]
            hint = how_it_ends(model, quarantine, store, state.path)
            raise IntegrityError(folder, f'quarantined, {quarantine}', hint=hint)
        before[0] = now
        return now.activated(manifest.version, meant)

    state.update_model_state(manifest.name, activate)
    return manifest, before[0]
