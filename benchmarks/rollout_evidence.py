"""What tells versions of `shapes` apart in shadow: disagreement alone, and truth.

    python -m benchmarks.rollout_evidence [--scenes 60] [--frames 25]

Two versions see the same drawn scenes, ten pictures a second. Prints their disagreement, the
mAP50-95 of both, and what the judge of a rollout decides in shadow, without truth and with it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from std_msgs.msg import Header

from benchmarks.accuracy import result_of, true_objects
from benchmarks.rollout_models import BASE, Kind, make_store
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.datatypes import Prediction, Verdict
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.judgment import Judgment, Stage
from ml_integration.core.rollout.judgment import Verdict as Decision
from ml_integration.core.rollout.pair import Pair, Side
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.demos.scene_maker import make_scene
from ml_integration.demos.scenes import render
from ml_integration.deploy.loading import Loader
from ml_integration.ros.messages.message_types import message_type
from ml_integration.serving.rollout_truth import RolloutTruth
from ml_integration.store.package.package import read_package

HZ, S = 10, 1_000_000_000
FIRST_SCENE = 5000
SETTINGS = RolloutSettings()
WORSE = Kind.SLIGHTLY_WORSE.value
ROLLOUTS = (
    (BASE, Kind.IDENTICAL.value, 'identical'),
    (BASE, WORSE, 'slightly worse'),
    (WORSE, BASE, 'slightly better'),
    (1, BASE, 'much better, one more label'),
    (BASE, 1, 'much worse, one label less'),
    (BASE, Kind.WRONG_COLORS.value, 'wrong order of colors'),
    (BASE, Kind.HALF_MISSING.value, 'half of the picture not seen'),
    (BASE, Kind.SHUFFLED_LABELS.value, 'labels shuffled'),
    (BASE, Kind.RANDOM_WEIGHTS.value, 'random weights'),
)
"""Stable version, candidate, and what that one is like."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture: the messages of its truth, and the result of each version."""

    truth: Mapping[str, Any]
    results: Mapping[int, Any]


class Source:
    """Truth that comes as it is."""

    def expects(self, stream: str) -> bool:
        """Tells that there is some."""
        return True

    def read(self, topic: str, message: Any) -> Any:
        """Returns the message."""
        return message


def look(pipelines: Mapping[int, Pipeline], scenes: int, frames: int) -> list[Seen]:
    """Lets every version see every picture."""
    seen, teller = [], pipelines[BASE]
    for seed in range(FIRST_SCENE, FIRST_SCENE + scenes):
        scene = make_scene(seed)
        for number in range(frames):
            picture = render(scene, number / HZ)
            results = {one: result_of(each, picture, 0) for one, each in pipelines.items()}
            true = made(teller, true_objects(scene, number / HZ), 0)
            seen.append(Seen(dict(teller.task.encode(true, Header(), message_type)), results))
    return seen


def made(pipeline: Pipeline, result: Any, stamp_ns: int) -> Prediction:
    """Returns a valid prediction."""
    return Prediction(stamp_ns, '', {}, pipeline.model.identity, result, Verdict(), {})


def judged(models: tuple[Pipeline, Pipeline], seen: Sequence[Seen], truth: bool) -> Judgment:
    """Shows pictures to the judge until it decides, or there are no more."""
    comparing, waiting = RolloutJudge(lambda: SETTINGS), RolloutTruth(Source(), AccuracySettings)
    comparing.begin(Stage.SHADOW, 0)
    judgment, side = comparing.judge(0), Side(10.0, True, spare=True)
    for number, one in enumerate(seen, 1):
        now_ns = number * S // HZ
        results = [one.results[each.model.identity.version] for each in models]
        task: Any = models[0].task
        apart = task.compare(*results, models[1].model)
        comparing.add(Pair('', now_ns, now_ns, side, side, apart.disagreement, apart.weight))
        if truth:
            both = [made(*each, now_ns) for each in zip(models, results, strict=True)]
            waiting.take('', models, both[0], both[1])
            for topic, message in one.truth.items():
                waiting.truth('', now_ns, topic, message, 0)
        if number % HZ == 0:
            for telling in waiting.measure(now_ns):
                telling(comparing)
            judgment = comparing.judge(now_ns)
            if judgment.verdict is not Decision.HOLD:
                break
    return judgment


def row(models: tuple[Pipeline, Pipeline], seen: Sequence[Seen]) -> list[str]:
    """Returns disagreement, both scores, and both decisions, as cells of a table."""
    blind, knowing = judged(models, seen, False), judged(models, seen, True)
    of = {one.criterion: one for one in (*blind.evidence, *knowing.evidence)}
    scores = f'{of["score"].stable:.3f}', f'{of["score"].candidate:.3f}'
    decisions = (f'{one.verdict.value} after {one.seconds:.0f} s' for one in (blind, knowing))
    return [f'{of["disagreement"].value:.3f}', *scores, *decisions]


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description='Show what tells versions apart in shadow.')
    parser.add_argument('--scenes', type=int, default=60)
    parser.add_argument('--frames', type=int, default=25, help='of each scene')
    args = parser.parse_args()
    numbers = sorted(
        {number for stable, candidate, _ in ROLLOUTS for number in (stable, candidate)}
    )
    with tempfile.TemporaryDirectory() as folder:
        kinds = [kind for kind in Kind if kind.value in numbers]
        store, loader = make_store(Path(folder), *kinds), Loader()
        pipelines = {n: loader.load(read_package(store / f'shapes/{n}')) for n in numbers}
        seen = look(pipelines, args.scenes, args.frames)
    print('| stable | candidate | | disagreement | mAP50-95 stable | candidate | without truth '
          '| with truth |')  # fmt: skip
    print('|---|---|---|---:|---:|---:|---|---|')
    for stable, candidate, what in ROLLOUTS:
        cells = row((pipelines[stable], pipelines[candidate]), seen)
        names = f'shapes@{stable}', f'shapes@{candidate}'
        print(f'| {" | ".join([*names, what, *cells])} |', flush=True)


if __name__ == '__main__':
    main()
