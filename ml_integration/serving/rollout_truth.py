"""Scores both models of a rollout against the truth, on the same observations."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ml_integration.core.abilities import Reading, Scoring, Translating
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.accuracy_stream import Read, limits
from ml_integration.core.datatypes import ModelDescription, Prediction
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.rollout.judge import RolloutJudge
from ml_integration.core.rollout.pair import TruthScores
from ml_integration.core.truths import Kept, Pair, Truths, size_of
from ml_integration.errors import MessageError
from ml_integration.serving.judging import Telling
from ml_integration.serving.scored_blocks import BLOCK, ScoredBlocks
from ml_integration.store.state.rollout_state import RolloutState

MOST_READY = 10 * BLOCK
"""Observations that wait for being scored."""
MOST_AT_ONCE = 4 * BLOCK


class TruthSource(Protocol):
    """Gets the truth from whoever publishes it."""

    @property
    def read(self) -> Read:
        """Reads messages of a topic."""

    def expects(self, stream: str) -> bool:
        """Tells whether somebody publishes the truth of a stream."""


@dataclass(frozen=True, slots=True)
class Results:
    """What both models say of an observation."""

    stable: Any
    candidate: Any


@dataclass(frozen=True, slots=True)
class _Speaking:
    """Two models, and the one in whose classes the truth is read.

    That is the stable one, as whoever publishes the truth knows its labels; the candidate if it
    only knows more of them.
    """

    stable: ModelDescription
    candidate: ModelDescription
    task: Any
    own: bool

    @staticmethod
    def of(stable: Pipeline, candidate: Pipeline) -> _Speaking:
        old, new = stable.model.labels, candidate.model.labels
        own = not (0 < len(old) < len(new) and new[: len(old)] == old)
        return _Speaking(stable.model, candidate.model, (stable if own else candidate).task, own)

    def same(self, stable: Pipeline, candidate: Pipeline) -> bool:
        return (self.stable, self.candidate) == (stable.model, candidate.model)

    def translated(self, results: Results) -> Results:
        """Returns both results in the classes of the truth."""
        task = self.task
        if not isinstance(task, Translating):
            return results
        if self.own:
            return Results(results.stable, task.translated(results.candidate, self.candidate))
        return Results(task.translated(results.stable, self.stable), results.candidate)


class RolloutTruth:
    """Finds the truth of results that a shadow has of two models, and scores both in blocks.

    All streams go into the same blocks. `take` and `truth` only put things aside, under a lock
    that nobody holds for long; `scores` does what takes time, by one thread at a time.

    Args:
        source: of the truth.
        settings: how results wait for their truth, and which score counts.

    Attributes:
        refused: truths that contradict themselves, the model or the result.
        skipped: observations for which there was no time.
        sentence: on the last refused one.
    """

    name = 'score'

    def __init__(self, source: TruthSource, settings: Callable[[], AccuracySettings]) -> None:
        self._source = source
        self._settings = settings
        self._lock = threading.Lock()
        self._speaking: _Speaking | None = None
        self._streams: dict[str, Truths] = {}
        self._ready: deque[Pair] = deque()
        self._ready_bytes = 0
        self._blocks: ScoredBlocks | None = None
        self.refused = self.skipped = 0
        self.sentence = ''

    def wants(self, stream: str) -> bool:
        """Tells whether somebody publishes the truth of a stream."""
        return self._source.expects(stream)

    def take(
        self,
        stream: str,
        models: tuple[Pipeline, Pipeline],
        stable: Prediction,
        candidate: Prediction,
    ) -> None:
        """Puts copies of two results of the same observation aside.

        Args:
            stream: '' for the only one of a node.
            models: the stable one and the candidate.
            stable: the stable model's prediction, which is valid.
            candidate: likewise of the candidate.
        """
        settings = self._settings()
        results = copy.deepcopy(Results(stable.result, candidate.result))
        with self._lock:
            if self._speaking is None or not self._speaking.same(*models):
                self._begin(_Speaking.of(*models))
            assert self._speaking is not None
            task = self._speaking.task
            if not (isinstance(task, Reading) and isinstance(task, Scoring)):
                return
            truths = self._streams.get(stream)
            if truths is None:
                truths = Truths(tuple(topic.name for topic in task.truths))
                self._streams[stream] = truths
            truths.add_result(Kept(stable.stamp_ns, results, task), *limits(settings))
            self._collect(truths, settings)

    def truth(self, stream: str, stamp_ns: int, topic: str, message: Any, size: int) -> None:
        """Puts a message of a truth aside; see `TruthListener`."""
        settings = self._settings()
        with self._lock:
            truths = self._streams.get(stream)
            if truths is not None:  # otherwise nothing is compared
                truths.add_truth(stamp_ns, topic, message, size, *limits(settings))
                self._collect(truths, settings)

    def end(self) -> None:
        """Forgets the results of both models, and the block that is begun."""
        with self._lock:
            self._begin(None)

    def begin(self, state: RolloutState) -> None:
        """Needs to know nothing of the stage: truth may come for results of the one before."""

    def measure(self, now_ns: int) -> Iterator[Telling]:
        """Yields the scores of the blocks that are full, and whether truth comes."""

        def tell(judge: RolloutJudge) -> None:
            judge.await_truth(comes)
            for one in found:
                judge.add_scores(one, now_ns)

        found, comes = list(self.scores(now_ns)), self.comes(now_ns)
        yield tell

    def scores(self, now_ns: int) -> Iterator[TruthScores]:
        """Scores what was found, and yields the blocks that are full [ns, steady clock].

        Raises:
            Exception: a result of the candidate cannot be scored, where that of the stable model
                can.
        """
        for _ in range(MOST_AT_ONCE):
            with self._lock:
                if not self._ready:
                    break
                pair, speaking, blocks = self._pop(), self._speaking, self._blocks
            assert speaking is not None and blocks is not None
            self._score(pair, speaking, blocks, now_ns)
            yield from blocks.take(now_ns, self._settings().score)
        waiting = self._blocks
        if waiting is not None:  # it may have waited long
            yield from waiting.take(now_ns, self._settings().score)

    def comes(self, now_ns: int) -> bool:
        """Tells whether there are scores now and then, or will be [ns, steady clock]."""
        blocks = self._blocks
        return blocks is not None and blocks.comes(now_ns)

    def _begin(self, speaking: _Speaking | None) -> None:
        self._speaking, self._streams = speaking, {}
        self._ready.clear()
        self._ready_bytes = 0
        task = speaking.task if speaking is not None else None
        self._blocks = ScoredBlocks(task.scorer) if isinstance(task, Scoring) else None

    def _collect(self, truths: Truths, settings: AccuracySettings) -> None:
        """Takes the pairs that were found, as many as there is room for."""
        for pair in truths.take():
            self._ready.append(pair)
            self._ready_bytes += size_of(pair.kept.result)
        _, most_bytes = limits(settings)
        while self._ready and (len(self._ready) > MOST_READY or self._ready_bytes > most_bytes):
            self._pop()
            self.skipped += 1

    def _pop(self) -> Pair:
        pair = self._ready.popleft()
        self._ready_bytes -= size_of(pair.kept.result)
        return pair

    def _score(self, pair: Pair, speaking: _Speaking, blocks: ScoredBlocks, now_ns: int) -> None:
        read = self._source.read
        try:
            messages = {topic: read(topic, one) for topic, one in pair.messages.items()}
            truth = speaking.task.read(messages)
            both = speaking.translated(pair.kept.result)
            blocks.add(both.stable, both.candidate, truth, now_ns)
        except MessageError as error:
            self.refused += 1
            self.sentence = str(error)
