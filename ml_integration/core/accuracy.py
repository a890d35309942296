"""Watches how good results are: against ground truth, and against those of neighboring frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import isfinite, nan
from typing import Any

from ml_integration.core.accuracy_settings import AccuracySettings
from ml_integration.core.accuracy_stream import AccuracyStream, Known, Read
from ml_integration.core.agreement import Agreement, Teaching
from ml_integration.core.findings import Finding, Level
from ml_integration.core.truths import TruthListener
from ml_integration.core.watches import Look, Seen, Value

CONCERN = 'accuracy'
FEWEST = 10
"""Pairs from which on scores are judged."""


class Accuracy:
    """Tells how good the results of a node are, as far as somebody knows the truth.

    What takes time is done once a second by a thread that ends when it is done.

    Args:
        settings: the limits; read whenever they are needed, as they may change.
    """

    concern = CONCERN
    of_frames = True

    def __init__(self, settings: Callable[[], AccuracySettings]) -> None:
        self._settings = settings
        self._streams: dict[str, AccuracyStream] = {}
        self._read: Read = _as_it_is
        self._worker: threading.Thread | None = None
        self.teacher: Teaching | None = None
        """Is shown each run too, while the node is active and has one."""
        self.listener: TruthListener | None = None
        """Hears of each truth too, while there is one."""

    def open(self, stream: str, task: Any, read: Read) -> AccuracyStream:
        """Makes the place for the ground truth of a stream; the node is being activated.

        Args:
            stream: '' for the only one of a node.
            task: of the model that serves first.
            read: reads messages of a topic.
        """
        self._read = read
        made = self._streams[stream] = AccuracyStream(task)
        return made

    @property
    def read(self) -> Read:
        """Reads messages of a topic."""
        return self._read

    def expects(self, stream: str) -> bool:
        """Tells whether somebody publishes the truth of a stream."""
        known = self._streams.get(stream)
        return known is not None and known.expects

    def truth(self, stream: str, stamp_ns: int, topic: str, message: Any, size: int) -> None:
        """Puts a message of a truth aside; see `TruthListener`."""
        self._streams[stream].truth(stamp_ns, topic, message, size, self._settings())
        if self.listener is not None:
            self.listener.truth(stream, stamp_ns, topic, message, size)

    def begin(self, now_ns: int) -> None:
        """Forgets everything but which numbers there are."""
        self._streams = {}

    def take(self, seen: Seen) -> None:
        """Puts a result aside, unless its model is only tried: others judge that."""
        if seen.lent:
            return
        stream = self._streams.get(seen.stream)
        if stream is None:
            stream = self.open(seen.stream, seen.pipeline.task, self._read)
        stream.take(seen, self._settings())
        if self.teacher is not None:
            self.teacher.offer(seen)

    def look(self, now_ns: int) -> Look:
        """Tells what is known, and has what came since looked at."""
        settings = self._settings()
        self._start_work()
        teacher = self.teacher
        known = [
            (name, stream.known, teacher.agreement(name) if teacher is not None else Agreement())
            for name, stream in sorted(self._streams.items())
        ]
        found = [_finding(name, one, taught, settings) for name, one, taught in known]
        values = tuple(pair for each in known for pair in _values(*each))
        return Look(_together(found), values)

    def _start_work(self) -> None:
        busy = self._worker is not None and self._worker.is_alive()
        if busy or not any(stream.has_work for stream in self._streams.values()):
            return
        self._worker = threading.Thread(target=self._work, name='ml_accuracy', daemon=True)
        self._worker.start()

    def _work(self) -> None:
        for stream in tuple(self._streams.values()):
            try:
                stream.work(self._read, self._settings())
            except Exception as error:  # of a plug-in, which costs nobody a frame
                stream.refuse(f'{type(error).__name__}: {error}')


def _as_it_is(topic: str, message: Any) -> Any:
    return message


def _finding(name: str, known: Known, taught: Agreement, settings: AccuracySettings) -> Finding:
    """Judges one stream."""
    symptoms = [*_symptoms(known, settings), *_disagreement(taught, settings)]
    told = [sentence for _, sentence in symptoms] or [_in_words(known)]
    level = Level.WARN if symptoms else Level.OK
    kind = symptoms[0][0] if symptoms else ''
    sentence = f'{name}: {"; ".join(told)}' if name else '; '.join(told)
    return Finding(CONCERN, level, sentence, kind=kind, subject=name)


def _symptoms(known: Known, settings: AccuracySettings) -> Iterator[tuple[str, str]]:
    for score in known.scores:
        if score.name != (settings.score or known.scores[0].name):
            continue
        limit = settings.min if score.higher_is_better else settings.max
        worse = score.value < limit if score.higher_is_better else score.value > limit
        if limit and worse and known.pairs >= min(FEWEST, settings.window):
            word = 'below' if score.higher_is_better else 'above'
            what = f'{score.name} {score.value:.3g}{score.unit and " "}{score.unit}'
            yield 'score', f'{what} over {known.pairs} pairs is {word} {limit:g}'
    expected = known.expected
    if settings.min_expected and expected is not None and expected[2] < settings.min_expected:
        yield (
            'expected',
            f'expected accuracy {expected[0]:.3f} ({expected[1]:.3f} to {expected[2]:.3f}) '
            f'is below {settings.min_expected:g}',
        )
    flicker = known.flicker
    if settings.max_flicker and flicker is not None and flicker > settings.max_flicker:
        yield (
            'flicker',
            f'{flicker:.1%} of what is seen is otherwise for one frame only, '
            f'above {settings.max_flicker:.1%}',
        )


def _disagreement(taught: Agreement, settings: AccuracySettings) -> Iterator[tuple[str, str]]:
    score = next(iter(taught.scores), None)
    if score is None or not settings.min_agreement or taught.frames < FEWEST:
        return
    if score.higher_is_better and score.value < settings.min_agreement:
        yield (
            'teacher',
            f'{score.name} {score.value:.3g} against {taught.model} over {taught.frames} frames '
            f'is below {settings.min_agreement:g}',
        )


def _in_words(known: Known) -> str:
    score = next((one for one in known.scores if isfinite(one.value)), None)
    told = []
    if score is not None:
        unit = f' {score.unit}' if score.unit else ''
        told.append(f'{score.name} {score.value:.3g}{unit} over {known.pairs} pairs')
    elif known.truths:
        told.append(f'none of {known.truths} ground truths could be used')
        told += [f'the last one: {known.sentence}'] if known.sentence else []
    else:
        told.append('no ground truth')
    if known.expected is not None:
        told.append('expected accuracy {:.3f} ({:.3f} to {:.3f})'.format(*known.expected))
    if known.flicker is not None:
        told.append(f'{known.flicker:.1%} flickers')
    return '; '.join(told)


def _values(name: str, known: Known, taught: Agreement) -> Iterator[tuple[str, Value]]:
    of = f'{name}: ' if name else ''
    for score in known.scores:
        unit = f' [{score.unit}]' if score.unit else ''
        yield f'{of}{score.name}{unit}', f'{score.value:.4g}' if isfinite(score.value) else None
    yield f'{of}pairs', known.pairs
    yield f'{of}truths', known.truths
    yield f'{of}unmatched', known.unmatched
    yield f'{of}held back', known.held_back
    yield f'{of}refused', known.refused
    yield f'{of}skipped', known.skipped
    yield f'{of}last refused', known.sentence
    yield f'{of}flicker', None if known.flicker is None else f'{known.flicker:.4f}'
    expected = known.expected or (None,) * 3
    for name, share in zip(('', ' low', ' high'), expected, strict=True):
        yield f'{of}expected accuracy{name}', None if share is None else f'{share:.4f}'

    yield f'{of}teacher', taught.model
    scores = {score.name: score.value for score in taught.scores}
    for score in known.scores:
        value = scores.get(score.name, nan)
        yield f'{of}teacher: {score.name}', f'{value:.4g}' if isfinite(value) else None
    yield f'{of}teacher: frames', taught.frames
    yield f'{of}teacher: skipped', taught.skipped
    yield f'{of}teacher: failed', taught.failed
    yield f'{of}teacher: last failed', taught.sentence


def _together(found: list[Finding]) -> Finding:
    """Sums up the findings about streams."""
    if len(found) == 1:
        return replace(found[0], subject='')
    if not found:
        return Finding(CONCERN, Level.OK, 'no results yet')
    wrong = [one for one in found if one.level > Level.OK]
    worst = max(found, key=lambda one: one.level)
    sentence = ' | '.join(one.sentence for one in wrong or found)
    return Finding(CONCERN, worst.level, sentence, kind=worst.kind, parts=tuple(found))
