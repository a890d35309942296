"""What is known about the accuracy of one stream of results."""

from __future__ import annotations

import copy
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_integration.core.abilities import Confident, Continuing, Reading, Score, Scoring
from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.rolling_scores import RollingScores
from ml_integration.core.score_calibration import expected_accuracy
from ml_integration.core.truths import Kept, Pair, Truths, size_of
from ml_integration.core.watches import Seen

NEIGHBORS = 3
"""Frames that say whether something flickers."""
MOST_SAMPLES = 300
"""Frames that wait for being looked at."""
STEADY_FRAMES = 300
"""Frames that the flicker is about, the last ones."""
CONFIDENT_FRAMES = 300
"""Frames that the expected accuracy is about, the last ones."""
Read = Callable[[str, Any], Any]
"""Reads a message of a topic, serialized or not."""


@dataclass(frozen=True, slots=True)
class Known:
    """Numbers of one stream.

    Attributes:
        scores: the task's, with the names that there are whatever is seen.
        pairs: number of the pairs that these are about.
        truths: ground truths that came since activation.
        unmatched: of these, those without a result.
        held_back: of these, those whose result was not valid and so held back.
        refused: of these, those that contradict themselves, the model or the result.
        skipped: of these, those for which there was no time.
        sentence: on the last refused one.
        flicker: share of what is seen that is otherwise for one frame only; None: not known.
        expected: accuracy that calibrated scores tell, and its interval of 95 %; None: no such.
    """

    scores: tuple[Score, ...] = ()
    pairs: int = 0
    truths: int = 0
    unmatched: int = 0
    held_back: int = 0
    refused: int = 0
    skipped: int = 0
    sentence: str = ''
    flicker: float | None = None
    expected: tuple[float, float, float] | None = None


class AccuracyStream:
    """Compares the results of one stream with the truth, and with their neighbors.

    `take` and `truth` only put things aside, under a lock that nobody holds for long; `work` does
    what takes time, by one thread at a time.

    Args:
        task: of the first model.
    """

    def __init__(self, task: Any) -> None:
        self._lock = threading.Lock()
        self._topics = tuple(t.name for t in task.truths) if isinstance(task, Reading) else ()
        self._truths = Truths(self._topics)
        self._pairs: deque[Pair] = deque()
        self._pair_bytes = 0
        self._samples: deque[tuple[Any, Any]] = deque(maxlen=MOST_SAMPLES)
        self._task = task
        self._rolling: RollingScores | None = None
        self._compared = self._scored = task
        self._flickers: deque[tuple[float, float]] = deque(maxlen=STEADY_FRAMES)
        self._confidence: deque[float] = deque(maxlen=CONFIDENT_FRAMES)
        self._count = self._held_back = self._refused = self._skipped = 0
        self._sentence = ''
        self._has_news = False
        self._names: tuple[Score, ...] = _names(task)
        self.known = Known(self._names)
        self.expects = False
        """True while somebody publishes ground truth."""

    def take(self, seen: Seen, settings: AccuracySettings) -> None:
        """Puts a result aside."""
        prediction, task = seen.prediction, seen.pipeline.task
        result = prediction.result if prediction.verdict.ok else None
        sample = None
        if result is not None and isinstance(task, Continuing):
            sample = task.sample(result)
        confidence = _confidence(seen) if result is not None else math.nan
        kept = Kept(prediction.stamp_ns, copy.deepcopy(result), task) if self.expects else None
        with self._lock:
            if task is not self._task:
                self._confidence.clear()
            self._task = task
            if math.isfinite(confidence):
                self._confidence.append(confidence)
            self._samples.append((task, sample))
            if kept is not None:
                self._truths.add_result(kept, *limits(settings))
                self._collect(settings)

    def truth(
        self, stamp_ns: int, topic: str, message: Any, size: int, settings: AccuracySettings
    ) -> None:
        """Puts a message of a ground truth aside.

        Args:
            stamp_ns: of the message [ns].
            topic: its name among those of the task's `truths`.
            message: serialized or not.
            size: of the message [bytes].
            settings: the limits.
        """
        with self._lock:
            self._has_news = True
            self._count += topic == self._topics[0]
            self._truths.add_truth(stamp_ns, topic, message, size, *limits(settings))
            self._collect(settings)

    def refuse(self, sentence: str) -> None:
        """Counts a ground truth that cannot be used."""
        with self._lock:
            self._has_news = True
            self._refused += 1
            self._sentence = sentence

    @property
    def has_work(self) -> bool:
        """True if something waits for `work`."""
        return self._has_news or len(self._samples) >= NEIGHBORS

    def work(self, read: Read, settings: AccuracySettings) -> None:
        """Scores the pairs that were found, and compares neighbors."""
        self._compare_neighbors()
        for pair in self._taken():
            self._score(pair, read, settings.window)
        if self._scored is not self._task:
            self._rolling = None
        rolling = self._rolling
        scores = tuple(rolling.scores()) if rolling is not None else self._names
        flicker = _share(self._flickers)
        with self._lock:
            self._has_news = bool(self._pairs)  # those that came meanwhile
            sure = np.array(self._confidence)
            self.known = Known(
                scores,
                rolling.pairs if rolling is not None else 0,
                self._count,
                self._truths.unmatched,
                self._held_back,
                self._refused,
                self._skipped,
                self._sentence,
                flicker,
                expected_accuracy(sure) if len(sure) else None,
            )

    def _collect(self, settings: AccuracySettings) -> None:
        """Takes the pairs that were found, as many as scores and memory have room for."""
        for pair in self._truths.take():
            self._has_news = True
            self._pairs.append(pair)
            self._pair_bytes += size_of(pair.kept.result)
        _, most_bytes = limits(settings)
        while self._pairs and (
            len(self._pairs) > settings.window or self._pair_bytes > most_bytes
        ):
            self._pop()
            self._skipped += 1

    def _pop(self) -> Pair:
        pair = self._pairs.popleft()
        self._pair_bytes -= size_of(pair.kept.result)
        return pair

    def _taken(self) -> Iterator[Pair]:
        while self._pairs:
            with self._lock:
                if not self._pairs:
                    return
                pair = self._pop()
            yield pair

    def _score(self, pair: Pair, read: Read, window: int) -> None:
        kept, task = pair.kept, pair.kept.task
        if task is not self._task:  # another model serves by now
            self._skipped += 1
            return
        if kept.result is None:
            self._held_back += 1
            return
        try:
            messages = {topic: read(topic, one) for topic, one in pair.messages.items()}
            truth = task.read(messages)
            if self._rolling is None or self._scored is not task:
                # Scores of another model say nothing about this one.
                self._rolling, self._scored = RollingScores(task.scorer), task
            self._rolling.add(kept.result, truth, window)
        except Exception as error:  # whatever a stranger's message makes of a plug-in
            self.refuse(str(error) or type(error).__name__)

    def _compare_neighbors(self) -> None:
        with self._lock:
            samples = list(self._samples)
            for _ in range(len(samples) - NEIGHBORS + 1):
                self._samples.popleft()
        for first in range(len(samples) - NEIGHBORS + 1):
            group = samples[first : first + NEIGHBORS]
            task = group[-1][0]
            if task is not self._compared:
                self._compared = task
                self._flickers.clear()
            if any(one is not task or sample is None for one, sample in group):
                continue
            part, whole = task.flicker(*(sample for _, sample in group))
            if whole:
                self._flickers.append((part, whole))


def _confidence(seen: Seen) -> float:
    """Returns how probably a result is right; NaN where no labels have told what scores mean."""
    task, reference = seen.pipeline.task, seen.pipeline.reference
    if reference is None or reference.calibration is None or not isinstance(task, Confident):
        return math.nan
    return task.confidence(seen.prediction.result, reference.calibration.temperature)


def _share(parts: deque[tuple[float, float]]) -> float | None:
    whole = sum(of for _, of in parts)
    return sum(part for part, _ in parts) / whole if whole else None


def limits(settings: AccuracySettings) -> tuple[int, int]:
    """Returns how far a truth may be from its result [ns], and what may wait for it [bytes]."""
    return int(settings.tolerance_ms * 1e6), int(settings.keep_mb * 1e6)


def _names(task: Any) -> tuple[Score, ...]:
    return tuple(task.scorer().scores()) if isinstance(task, Scoring) else ()
