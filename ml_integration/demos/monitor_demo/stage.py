"""The store that the monitor demo plays with: a copy of a model that knows what is usual."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ml_integration.cli.software import software_version
from ml_integration.core.blocks import BlockRule
from ml_integration.demos.monitor_demo.camera import place_at
from ml_integration.demos.scene_camera import pictures
from ml_integration.demos.swap_demo.stage import NAME, source_of
from ml_integration.deploy.loading import Loader
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import picture_message
from ml_integration.serving.playback import Playback, read_recorded
from ml_integration.serving.profiling import Profiler
from ml_integration.store.package.adding_reference import add_reference
from ml_integration.store.package.package import read_package

Say = Callable[[str], None]
MODEL = f'{NAME}@2'


def make_profiled_store(folder: Path, seed: int, rate_hz: float, seconds: float, say: Say) -> Path:
    """Copies a model and tells it what is usual, as `ml_model profile` does with a recording.

    Args:
        folder: of the store.
        seed: of the scene that the camera will show.
        rate_hz: of its pictures [Hz].
        seconds: of the scene that are shown to the model [s].
        say: gets what goes wrong with a picture.
    """
    package = folder / NAME / '2'
    shutil.copytree(source_of(NAME) / '2', package)
    manifest = package / 'manifest.yaml'  # this is not about time, whatever else the machine does
    manifest.write_text(manifest.read_text().replace('latency_ms: 30.0', 'latency_ms: 1000.0'))
    pipeline = Loader(reader_for=read_recorded).load(read_package(package))
    try:
        profiler = Profiler(Playback(pipeline, say), BlockRule())
        profiler.add(_messages(seed, rate_hz, round(seconds * rate_hz)))
        digest = hashlib.sha256(f'scene {seed}'.encode()).hexdigest()
        add_reference(package, profiler.reference(digest, f'scene {seed}', software_version()))
    finally:
        pipeline.close()
    return folder


def _messages(seed: int, rate_hz: float, count: int) -> Iterator[tuple[str, Recorded]]:
    """Yields what the camera will show, with its topic in the manifest."""
    loop = pictures(seed)
    for number in range(count):
        stamp_ns = round(number * 1e9 / rate_hz)
        message = picture_message(loop[place_at(number, rate_hz)], stamp_ns, 'rgb8')
        name = f'picture {number}'
        yield (
            'image',
            Recorded('image', 'sensor_msgs/msg/Image', message, stamp_ns, name, stamp_ns),
        )
