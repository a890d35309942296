"""Measures the watch of what goes in: its cost, its false alarms, and how soon it finds a fault.

    python -m benchmarks.content VIDEO... [--pictures PICTURE...]

Real videos are shown to it frame by frame with the time of their own rate; faults are put into
their pixels from the middle on, and taken away again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from ml_integration.core.content import Content
from ml_integration.core.content_findings import ContentSettings
from ml_integration.core.datatypes import Array, Frame
from ml_integration.core.findings import Health, Level
from ml_integration.core.judge import Judge
from ml_integration.core.watches import Seen
from ml_integration.ops.picture_measures import measure_depth, measure_picture

S = 10**9
SIZES = ((640, 480), (1280, 720), (1920, 1080))
WIDTHS = (320, 480, 640, 1280)
NOISE = 2.0
"""Standard deviation of the noise that a camera adds after its lens."""
BEGIN_S, END_S, LAST_S = 40.0, 65.0, 90.0
"""Begin and end of a fault, and of what is shown [s]."""
AGAIN_S = 90.0
NO_INPUTS: Any = SimpleNamespace(wiring=SimpleNamespace(inputs=()))


def frames_of(video: Path) -> list[Array]:
    """Returns all pictures (H, W, 3) BGR of a video."""
    capture, frames = cv2.VideoCapture(str(video)), []
    while True:
        there, picture = capture.read()
        if not there:
            return frames
        frames.append(picture)


def blurred(picture: Array, of_width: float = 2 / 640) -> Array:
    """Blurs a picture; the deviation is given as a part of its width."""
    return cv2.GaussianBlur(picture, (0, 0), of_width * picture.shape[1])


def faults(frames: Sequence[Array]) -> dict[str, Callable[[Array], Array]]:
    """Returns what spoils a picture, by the kind of finding that is expected."""
    held = frames[0]
    return {
        'frozen': lambda picture: held,
        'black': lambda picture: np.minimum(picture, 5),
        'dark': lambda picture: (picture * 0.15).astype(np.uint8),
        'saturated': lambda picture: cv2.convertScaleAbs(picture, alpha=3.0, beta=80),
        'blurred': blurred,
    }


def told(frames: Iterator[Array], hz: float) -> Iterator[tuple[float, Level, str]]:
    """Yields time [s], steadied level and kind of each second of frames."""
    content, judge, next_look = Content(ContentSettings, lambda: False), Judge(), S
    content.begin(0)
    for number, picture in enumerate(frames):
        now_ns = int(number / hz * S)
        prediction: Any = None
        measures = measure_picture(Frame(picture, 'bgr8', now_ns))
        content.take(Seen('', now_ns, measures, {}, prediction, NO_INPUTS))
        if now_ns >= next_look:
            next_look += S
            look = content.look(now_ns)
            shown = judge.steady(Health((look.finding,))).findings[0]
            yield now_ns / S, shown.level, look.finding.kind


def seconds(frames: Sequence[Array], hz: float, wanted_s: float) -> Iterator[Array]:
    """Yields frames for so long: forth, back, and so on, each with a camera's noise."""
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    noise = np.random.default_rng(0).normal(0, NOISE, (2 * frames[0].size,)).astype(np.float32)
    for number in range(int(wanted_s * hz)):
        picture = frames[order[number % len(order)]]
        start = number * 7919 % picture.size
        added = noise[start : start + picture.size].reshape(picture.shape)
        yield np.clip(picture + added, 0, 255).astype(np.uint8)


def false_alarms(video: Path, frames: Sequence[Array], hz: float) -> None:
    """Prints the seconds with a warning: over the video as it is, and forth and back for long."""
    for how, shown in (('once', iter(frames)), ('again', seconds(frames, hz, AGAIN_S))):
        levels = [level for _, level, _ in told(shown, hz)]
        bad = sum(level != Level.OK for level in levels)
        print(f'{video.name}: {how}: {len(levels)} s judged, {bad} s with a warning')


def detections(video: Path, frames: Sequence[Array], hz: float) -> None:
    """Prints how soon each fault is found, and how soon it is gone after its end."""
    for kind, spoil in faults(frames).items():
        shown = told(spoiled(seconds(frames, hz, LAST_S), hz, spoil), hz)
        alarms = [(at, found) for at, level, found in shown if level != Level.OK]
        early = sum(at < BEGIN_S for at, _ in alarms)
        after = next((at - BEGIN_S for at, _ in alarms if at >= BEGIN_S), float('nan'))
        cleared = max((at for at, _ in alarms), default=float('nan')) - END_S + 1
        kinds = ', '.join(dict.fromkeys(found for at, found in alarms if BEGIN_S <= at < END_S))
        print(
            f'{video.name}: {kind}: found after {after:.1f} s as {kinds}; cleared '
            f'{cleared:.1f} s after its end; {early} false'
        )


def spoiled(
    pictures: Iterator[Array], hz: float, spoil: Callable[[Array], Array]
) -> Iterator[Array]:
    """Yields pictures, some of them spoiled."""
    for number, picture in enumerate(pictures):
        yield spoil(picture) if BEGIN_S <= number / hz < END_S else picture


def sharpness(pictures: Sequence[Array]) -> None:
    """Prints how far sharp and blurred pictures are apart over all sizes."""
    of: dict[float, list[float]] = {}
    rng = np.random.default_rng(0)
    for picture in pictures:
        for width in (one for one in WIDTHS if one <= picture.shape[1]):
            height = round(picture.shape[0] * width / picture.shape[1])
            sized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            for sigma in (0, 1, 2, 4):
                lens = blurred(sized, sigma / 640) if sigma else sized
                seen = np.clip(lens + rng.normal(0, NOISE, lens.shape), 0, 255).astype(np.uint8)
                of.setdefault(sigma, []).append(measure_picture(Frame(seen, 'bgr8'))['sharpness'])
    sharp = np.array(of[0])
    for sigma, values in of.items():
        ratio = np.array(values) / sharp
        order = (sharp[:, None] > np.array(values)[None]).mean()
        found = (ratio < ContentSettings().blur_ratio).mean()
        print(
            f'blur of {sigma}/640 of the width: sharpness {min(values):.1f} to {max(values):.1f}, '
            f'{ratio.min():.2f} to {ratio.max():.2f} of the sharp one, separates {order:.2f}, '
            f'told of {found:.0%}'
        )


def cost(picture: Array) -> None:
    """Prints how long one look at a picture takes."""
    for wh in SIZES:
        sized = cv2.resize(picture, wh)
        depth = sized[..., 0].astype(np.float32)
        for name, frame, measure in (
            ('bgr8', Frame(sized, 'bgr8'), measure_picture),
            ('mono8', Frame(sized[..., 0].copy(), 'mono8'), measure_picture),
            ('32FC1', Frame(depth, '32FC1'), measure_depth),
        ):
            times = []
            for _ in range(300):
                begin = time.perf_counter()
                measure(frame)
                times.append((time.perf_counter() - begin) * 1e3)
            p50, p95 = np.percentile(times, (50, 95))
            print(f'{wh[0]}x{wh[1]} {name}: p50 {p50:.3f} ms, p95 {p95:.3f} ms')


def main() -> None:
    """Measures everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('videos', nargs='+', type=Path)
    parser.add_argument('--pictures', nargs='*', type=Path, default=[])
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [cv2.imread(str(path)) for path in arguments.pictures]
    for video in arguments.videos:
        frames = frames_of(video)
        hz = cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FPS)
        pictures += frames[:: max(1, len(frames) // 5)]
        small = [cv2.resize(one, (640, 480)) for one in frames[::4]]
        false_alarms(video, frames, hz)
        detections(video, small, hz)
    sharpness(pictures)
    cost(pictures[-1])


if __name__ == '__main__':
    main()
