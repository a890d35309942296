"""A freeze frame, as a node would have written it."""

from __future__ import annotations

from pathlib import Path

import bags
import numpy as np

from ml_integration.cli.running.freeze_replay import reader_for
from ml_integration.core.arrivals import of_one
from ml_integration.core.findings import Finding, Health, Level
from ml_integration.core.freeze_frame import FreezeSettings
from ml_integration.deploy.loading import Loader
from ml_integration.serving.freezing import Freezer
from ml_integration.store.package.package import read_package
from ml_integration.store.state.freeze_file import Freeze
from ml_integration.store.trust.policy import Trust


def silent_freezer(folder: Path, enabled: bool = True) -> Freezer:
    return Freezer(
        lambda: folder, lambda: FreezeSettings(enabled), bytes, lambda sentence, is_written: None
    )


def write_frozen(file: Path, model: Path, pixels: np.ndarray) -> None:
    """Writes the freeze frame of one picture (H, W, 3) uint8 that a model saw."""
    pipeline = Loader(reader_for=reader_for).load(read_package(model, Trust()))
    message = bags.STORE.serialize_cdr(bags.image(pixels, 1), bags.IMAGE)
    seen = of_one(pipeline.wiring.inputs[0].tensor, bytes(message), 1)
    freezer, session = silent_freezer(file.parent), pipeline.session
    freezer.keep(seen, pipeline, pipeline.run(seen))
    about = Freeze('/detector', '', 'raw', session.threads, session.graph_optimization, ())
    freezer.look(Health((Finding('results', Level.ERROR, 'held back'),)), b'', about)
    freezer.finish()
    Path(freezer.file).rename(file)
    pipeline.close()
