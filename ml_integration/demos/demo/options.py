"""Command line of the demo."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_integration.cli.arguments import path
from ml_integration.demos.demo.footage import MODEL, VIDEO


@dataclass(frozen=True, slots=True)
class Options:
    """The command line.

    Attributes:
        seconds: how long to watch [s].
        video: video, picture or folder of pictures; None: what there is.
        rate_hz: frames per second [Hz]; 0: as recorded.
        model: model reference such as 'coco_yolov3_tiny@1'; empty: the one for the video.
        out: folder for what the demo writes.
    """

    seconds: float
    video: Path | None
    rate_hz: float
    model: str
    out: Path


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Reads the command line; ends the process with a sentence when it is wrong."""
    parser = argparse.ArgumentParser(
        prog='demo', description='Detects people and things in a video, with real ROS 2 nodes.'
    )
    parser.add_argument(
        '--seconds',
        type=float,
        default=os.environ.get('DEMO_SECONDS', '15'),
        help='how long to watch (DEMO_SECONDS, 15)',
    )
    parser.add_argument(
        '--video',
        type=path,
        help=f'video, picture or folder of pictures; otherwise {VIDEO}, or drawn scenes',
    )
    parser.add_argument(
        '--rate', type=float, default=0.0, help='frames per second; 0: as recorded'
    )
    parser.add_argument('--model', default='', help=f'model, such as {MODEL}@1')
    parser.add_argument('--out', type=path, default=Path('out'), help='folder for the results')
    given = parser.parse_args(arguments)
    if not 1 <= given.seconds <= 3600:
        parser.error(f'--seconds (DEMO_SECONDS): got {given.seconds:g}, expected 1 to 3600')
    video = given.video
    if video is not None and not video.exists():
        parser.error(f'--video: there is no {video}')
    return Options(given.seconds, video and video.resolve(), given.rate, given.model, given.out)
