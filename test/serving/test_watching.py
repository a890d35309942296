"""Watches hear of each run, and which ones a candidate was only lent."""

from __future__ import annotations

from typing import Any

from number_pipelines import number_pipeline

from ml_integration.core.arrivals import of_one
from ml_integration.core.watches import Seen
from ml_integration.serving.watching import Watching


class Noting:
    """Notes what was lent."""

    def __init__(self) -> None:
        self.lent: list[bool] = []

    def take(self, seen: Seen) -> None:
        self.lent.append(seen.lent)


def test_a_run_of_another_pipeline_than_the_serving_one_is_lent() -> None:
    serving, candidate = number_pipeline(1), number_pipeline(1, version=2)
    noting: Any = Noting()
    watching = Watching([noting], serving=lambda: serving)
    for pipeline in (serving, candidate, serving):
        observation = of_one('x', 10)
        watching.take(observation, pipeline.run(observation), pipeline)
    assert noting.lent == [False, True, False]
