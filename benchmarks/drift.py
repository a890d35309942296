"""Measures the watch for drift: how often a stable stream alarms, and how soon a change is found.

    python -m benchmarks.drift [--runs 20] [--video VIDEO --model MODEL] [--out FILE]

Stable streams are 24 h of correlated numbers, and 24 h of blocks of real and of drawn pictures,
resampled in stretches whose length their dependence asks for, and walked through forth and back.
Changes are put into the same pictures. Each run draws a reference of twenty minutes and a stream
of its own. Beside the watch stand two dummies that look at nothing: one is always silent, the
other gives an alarm every 100 blocks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ml_integration.core.blocks import REPEATS, Block, BlockRule
from ml_integration.core.datatypes import Array
from ml_integration.core.drift_reference import DAY_BLOCKS, ENOUGH, FEW, Limits, Numbers
from ml_integration.core.execution import ExecutionSettings
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.ops.dependence import block_length, stationary_indices
from ml_integration.ops.drift_calibration import alarms, calibrate, count_alarms
from ml_integration.recordings import Recorded
from ml_integration.recordings.pictures import IMAGE, picture_message
from ml_integration.serving.playback import Playback, read_recorded
from ml_integration.serving.profiling import EVERY, Profiler, table
from ml_integration.store.package.package import read_package

ROOT = Path(__file__).parents[1]
VIDEO, MODEL = ROOT / 'dev/data/vtest.avi', ROOT / 'models/coco_yolov3_tiny/1'
OTHER = ROOT / 'dev/data/motorcycle_left.png'
DRAWN_MODEL = ROOT / 'models/shapes/2'
REFERENCE = 1200
"""Blocks of a reference."""
BEFORE, AFTER = 600, 600
"""Blocks before and after a change."""
PERSISTENT = (0.5, 0.8, 0.9, 0.95, 0.98)
SIGNALS = 12
HEAVY = 5
"""Degrees of freedom of the heavy tails."""
SCENES = 60
AT_ONCE, STAY_S = 10, 15.0
"""Shapes in a drawn picture, and how long each stays [s]."""
DRAWN_HZ = 3
PER_DAY, OFTEN = 1.0, 24.0
"""False alarms that are allowed per day, and with a short reference."""
Change = Callable[[Array], Array]
Log = Callable[[str], None]
Way = Callable[['World', int, np.random.Generator], npt.NDArray[np.int64]]
"""Makes a long stream of a world's blocks."""


@dataclass(frozen=True, slots=True)
class World:
    """Blocks of a stable stream, and of the same stream after each change.

    Attributes:
        name: for the table.
        stable: (B, S) means of the blocks.
        changed: (C, S) by the name of the change.
    """

    name: str
    stable: Numbers
    changed: dict[str, Numbers]


def changes() -> dict[str, Change]:
    """Returns what is put into pictures (H, W, 3) BGR, each strongly and slightly."""
    rng = np.random.default_rng(1)

    def noisy(sigma: float) -> Change:
        def change(picture: Array) -> Array:
            added = picture + sigma * rng.standard_normal(picture.shape, np.float32)
            return np.clip(added, 0, 255).astype(np.uint8)

        return change

    def darker(share: float) -> Change:
        return lambda picture: (picture * share).astype(np.uint8)

    def blurred(sigma: float) -> Change:
        return lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma)

    return {
        'blur (sigma 2 px)': blurred(2.0),
        'blur (sigma 0.7 px)': blurred(0.7),
        'darkness (half the light)': darker(0.5),
        'darkness (85 % of the light)': darker(0.85),
        'noise (sigma 15)': noisy(15.0),
        'noise (sigma 4)': noisy(4.0),
        'red and blue swapped': lambda picture: np.ascontiguousarray(picture[..., ::-1]),
    }


def blocks_of(model: Path, pictures: Iterable[tuple[float, Array]]) -> list[Block]:
    """Runs the real pipeline on pictures (H, W, 3) BGR with their times [s]."""
    pipeline = Loader(ExecutionSettings(intra_op_threads=1), reader_for=read_recorded).load(
        read_package(model)
    )
    profiler = Profiler(Playback(pipeline, print), BlockRule(1.0, 2))
    topic = pipeline.wiring.trigger_topic
    profiler.add((topic, _recorded(at_s, picture)) for at_s, picture in pictures)
    pipeline.close()
    return profiler.blocks


def _recorded(at_s: float, picture: Array) -> Recorded:
    stamp_ns = round(at_s * 1e9)
    return Recorded('', IMAGE, picture_message(picture, stamp_ns), stamp_ns, '', stamp_ns)


def video_frames(video: Path, hz: float = 2.0) -> list[tuple[float, Array]]:
    """Reads a video at a lower rate."""
    capture = cv2.VideoCapture(str(video))
    every = max(1, round(capture.get(cv2.CAP_PROP_FPS) / hz))
    frames = []
    while True:
        there, picture = capture.read()
        if not there:
            break
        frames.append(picture)
    return [(number / hz, picture) for number, picture in enumerate(frames[::every])]


def panned(picture: Array, size_wh: tuple[int, int], count: int, hz: float) -> Iterator[
    tuple[float, Array]
]:  # fmt: skip
    """Looks about in a picture as a camera does that turns slowly."""
    width, height = size_wh
    scale = 1.3 * max(width / picture.shape[1], height / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale, fy=scale)
    for number in range(count):
        x, y = (
            int((0.5 + 0.45 * np.sin(number / hz / slow)) * room)
            for slow, room in ((7.0, large.shape[1] - width), (11.0, large.shape[0] - height))
        )
        yield number / hz, np.ascontiguousarray(large[y : y + height, x : x + width])


def drawn_frames(
    seconds: float, kinds: tuple[str, ...] = (), first: int = 0
) -> Iterator[tuple[float, Array]]:
    """Draws shapes that come and go one by one in front of one background.

    Args:
        seconds: how long [s].
        kinds: all shapes are of one of these, if there are any.
        first: seed of the background and of the shapes.
    """
    place = make_scene(first)
    passing = [one for n in range(SCENES) for one in make_scene(first + 1 + n).shapes]
    if kinds:
        passing = [replace(one, kind=kinds[n % len(kinds)]) for n, one in enumerate(passing)]
    for number in range(int(seconds * DRAWN_HZ)):
        at_s = number / DRAWN_HZ
        oldest = int(at_s / STAY_S * AT_ONCE)
        shapes = tuple(passing[(oldest + n) % len(passing)] for n in range(AT_ONCE))
        picture = render(replace(place, shapes=shapes), at_s)
        yield at_s, np.ascontiguousarray(picture[..., ::-1])


def make_world(
    name: str, model: Path, frames: Sequence[tuple[float, Array]],
    others: dict[str, Iterable[tuple[float, Array]]],
) -> World:  # fmt: skip
    """Runs a model on a stable stream, on each change of it, and on other streams."""
    stable = blocks_of(model, frames)
    names = tuple(dict.fromkeys(one for block in stable for one in block.means))
    values = table(stable, names)
    names = tuple(n for n, column in zip(names, values.T, strict=True) if known(column))
    values = table(stable, names)
    changed = {
        what: table(blocks_of(model, ((at_s, change(one)) for at_s, one in frames)), names)
        for what, change in changes().items()
    }
    held = np.repeat(values[len(values) // 2 :][:1], len(values), axis=0)
    held[:, names.index(REPEATS)] = 1.0
    changed['frozen camera'] = held
    changed |= {what: table(blocks_of(model, other), names) for what, other in others.items()}
    return World(name, values, changed)


def known(column: Numbers) -> bool:
    """Tells whether half of a signal's blocks are told."""
    return float(np.isfinite(column).mean()) >= 0.5


def real_world(video: Path, model: Path) -> World:
    """Takes a real video; the other scene is a photograph that a camera looks about in."""
    frames = video_frames(video)
    height, width = frames[0][1].shape[:2]
    photo = np.asarray(cv2.imread(str(OTHER)))
    other = panned(photo, (width, height), 80, 2.0)
    return make_world(f'{video.name}, {model.parent.name}', model, frames, {'new scene': other})


def drawn_world() -> World:
    """Draws 300 s of a scene; class mix: the same shapes, all of them of fewer kinds."""
    others: dict[str, Iterable[tuple[float, Array]]] = {
        'new scene': drawn_frames(60, first=100),
        'class mix (6 kinds to 2)': drawn_frames(60, ('circle', 'star')),
        'class mix (6 kinds to 1)': drawn_frames(60, ('square',)),
    }
    return make_world('drawn scenes, shapes', DRAWN_MODEL, list(drawn_frames(300)), others)


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Returns the mean of runs and its 95 % interval, by resampling the runs."""
    array = np.array(values, np.float64)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (2000, len(array)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return float(array.mean()), low, high


def shown(values: Sequence[float], digits: int = 1) -> str:
    """Returns a mean with its interval."""
    if not values:
        return 'not told'
    mean, low, high = interval(values)
    return f'{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})'


def process(
    persistent: float, count: int, runs: int, rng: np.random.Generator, heavy: bool
) -> npt.NDArray[np.float32]:
    """Draws series (count, runs, SIGNALS) of first order with the variance 1."""
    shape = (count, runs, SIGNALS)
    if heavy:
        fresh = rng.standard_t(HEAVY, shape).astype(np.float32)
        fresh *= np.float32(np.sqrt((HEAVY - 2) / HEAVY))
    else:
        fresh = rng.standard_normal(shape, np.float32)
    fresh[1:] *= np.float32(np.sqrt(1 - persistent**2))
    for at in range(1, count):
        fresh[at] += np.float32(persistent) * fresh[at - 1]
    return fresh


def stable_numbers(runs: int, seed: int, log: Log) -> None:
    """Counts alarms of 24 h of correlated numbers, with references of several lengths."""
    log('| stable stream, 24 h | reference | alarms allowed | alarms | days with more |'
        ' textbook alarm |')  # fmt: skip
    log('|---|---|---|---|---|---|')
    cases = [(one, False, REFERENCE, PER_DAY) for one in PERSISTENT]
    cases += [(0.9, True, REFERENCE, PER_DAY), (0.98, False, 3600, PER_DAY)]
    cases += [(one, False, 300, PER_DAY) for one in (0.5, 0.8, 0.9)]
    cases += [(one, False, 60, OFTEN) for one in (0.5, 0.8)]
    for number, (persistent, heavy, blocks, per_day) in enumerate(cases):
        rng = np.random.default_rng((seed, number))
        counts, textbook, short = [], 0, 0
        series = process(persistent, blocks + DAY_BLOCKS, runs, rng, heavy)
        for one in np.moveaxis(series, 1, 0):
            limits = calibrate(one[:blocks])
            textbook += mann_whitney(one[:blocks, 0], one[blocks : 2 * blocks, 0])
            if limits.independent < (ENOUGH if per_day == PER_DAY else FEW)[1]:
                short += 1
            else:
                counts.append(count_alarms(alarms(one[blocks:], limits, per_day)))
        tails = ', heavy tails' if heavy else ''
        few = f', {short} of {runs} too dependent to be used' if short else ''
        log(
            f'| AR(1) {persistent:g}{tails} | {blocks} blocks{few} | {per_day:g} | '
            f'{shown(counts, 2)} | {sum(one > per_day for one in counts)} of {len(counts)} | '
            f'{textbook / runs:.0%} |'
        )


def mann_whitney(first: Array, second: Array) -> bool:
    """Tells whether the textbook test of two samples finds a difference, p < 0.05."""
    ranks = np.argsort(np.argsort(np.concatenate((first, second)))) + 1
    n, m = len(first), len(second)
    away = ranks[:n].sum() - n * (n + m + 1) / 2
    return bool(abs(away) > 1.96 * np.sqrt(n * m * (n + m + 1) / 12))


def resampled(world: World, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Returns indices (count,) of a stream that jumps: the stationary bootstrap."""
    filled = np.where(np.isnan(world.stable), np.nanmean(world.stable, axis=0), world.stable)
    length = float(block_length(filled).max())
    return stationary_indices(len(filled), count, length, 1, rng)[:, 0]


def walked(world: World, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Returns indices (count,) of a stream without jumps: forth and back, turning at random."""
    blocks = len(world.stable)
    turns = rng.random(count) < 2 / blocks
    places = rng.integers(2 * blocks) + np.cumsum(np.where(np.cumsum(turns) % 2, -1, 1))
    around: npt.NDArray[np.int64] = places % (2 * blocks)
    return np.minimum(around, 2 * blocks - 1 - around)


def references(world: World, runs: int, way: Way, seed: int) -> list[Limits]:
    """Calibrates a reference for each run."""
    rng = np.random.default_rng((seed, 2))
    return [
        calibrate(world.stable[way(world, REFERENCE, rng)].astype(np.float32)) for _ in range(runs)
    ]


def stable_world(world: World, runs: int, seed: int, log: Log) -> None:
    """Counts alarms of 24 h of its blocks."""
    for what, way in (('resampled', resampled), ('walked through', walked)):
        rng, counts, short = np.random.default_rng((seed, 4)), [], 0
        for limits in references(world, runs, way, seed):
            short += limits.independent < ENOUGH[1]
            stream = world.stable[way(world, DAY_BLOCKS, rng)]
            counts.append(count_alarms(alarms(stream, limits, PER_DAY)))
        few = f', {short} of {runs} too dependent to be used' if short else ''
        log(
            f'| {world.name}, {len(world.stable)} blocks {what} | {REFERENCE} blocks{few} | '
            f'{PER_DAY:g} | {shown(counts, 2)} | {sum(one > 1 for one in counts)} of {runs} | |'
        )


def delays(world: World, runs: int, seed: int, log: Log) -> None:
    """Measures how many blocks after each change the watch and the dummy find it."""
    log(f'| {world.name}: change | found in {AFTER} s | delay [s] | every 100 blocks [s] |')
    log('|---|---|---|---|')
    known = references(world, runs, walked, seed)
    for what, changed in world.changed.items():
        rng, found, dummy = np.random.default_rng((seed, 3)), [], []
        for limits in known:
            stream = world.stable[walked(world, BEFORE + AFTER, rng)].copy()
            stream[BEFORE:] = changed[walked(world, AFTER, rng) % len(changed)]
            told = alarms(stream, limits, PER_DAY)
            first = np.flatnonzero(told[BEFORE:].any(axis=1))
            dummy.append(float(EVERY - rng.integers(EVERY)))
            if len(first):
                found.append(float(first[0] + 1))
        delay = shown(found) if found else 'never'
        log(f'| {what} | {len(found)} of {runs} | {delay} | {shown(dummy)} |')


def main() -> None:
    """Prints the tables, and writes them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=20)
    parser.add_argument('--seed', type=int, default=0, help='of what is drawn')
    parser.add_argument('--video', type=Path, default=VIDEO)
    parser.add_argument('--model', type=Path, default=MODEL, help='runs on the video')
    parser.add_argument('--out', type=Path, help='gets the tables as well')
    args = parser.parse_args()
    lines: list[str] = []

    def log(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    stable_numbers(args.runs, args.seed, log)
    worlds = [drawn_world()]
    if args.video.exists():
        worlds.insert(0, real_world(args.video, args.model))
    for world in worlds:
        stable_world(world, args.runs, args.seed, log)
    dummy = DAY_BLOCKS // EVERY
    log(f'| any: the dummy that is silent, the one that alarms every {EVERY} blocks | | | '
        f'0, {dummy} | 0, all | |')  # fmt: skip
    for world in worlds:
        log('')
        delays(world, args.runs, args.seed, log)
    log(f'\nThe dummy that is always silent finds nothing. {time.process_time():.0f} s of CPU.')
    if args.out:
        args.out.write_text('\n'.join(lines) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
