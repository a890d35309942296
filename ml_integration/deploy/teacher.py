"""A second model that sees every n-th frame in spare time, and is taken for the truth."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ml_integration.core.abilities import Reading, Score, Scoring
from ml_integration.core.agreement import Agreement
from ml_integration.core.contracts import MessageTypes
from ml_integration.core.datatypes import Frame, Prediction
from ml_integration.core.rolling_scores import RollingScores
from ml_integration.core.spare_cpu import SpareCpu
from ml_integration.core.watches import Seen
from ml_integration.deploy.second_model import OpenSecondModel
from ml_integration.errors import DeadlineError, MessageError

STOP_S = 5.0
"""Time in which its thread ends; a run that takes longer ends by itself later."""


@dataclass(frozen=True, slots=True)
class TeacherRules:
    """When a teacher is asked, and what its agreement is about.

    Attributes:
        every: each so many frames of a stream.
        window: as many frames.
        spare_cpus: that have to be free for it [CPUs].
    """

    every: int
    window: int
    spare_cpus: float


@dataclass(slots=True)
class _Known:
    """What is known of one stream."""

    task: Any = None
    rolling: RollingScores | None = None
    scores: tuple[Score, ...] = ()
    seen: int = 0
    skipped: int = 0
    failed: int = 0
    sentence: str = ''


@dataclass(frozen=True, slots=True)
class _Question:
    """A frame, the result for it, and the task that made it."""

    stream: str
    frame: Frame
    prediction: Prediction
    task: Any


class Teacher:
    """Compares results with those of a teacher; see `Teaching`.

    The newest frame waits while it is busy; the one that waited before is skipped, and so is each
    one on a machine without time to spare: a thread that is hardly ever scheduled would keep the
    interpreter from those that serve. What it says goes through messages, so that classes are
    found by their names.

    Args:
        open_model: opens it; called on the teacher's own thread.
        messages: gives the classes of messages.
        rules: read whenever they are needed, as they may change.
        has_room: tells whether the machine has so many CPUs to spare; None: as the system says.
    """

    def __init__(
        self,
        open_model: Callable[[], OpenSecondModel],
        messages: MessageTypes,
        rules: Callable[[], TeacherRules],
        has_room: Callable[[float], bool] | None = None,
    ) -> None:
        self._open = open_model
        self._messages = messages
        self._rules = rules
        self._has_room = has_room or SpareCpu().has_room
        self._changed = threading.Condition()
        self._waiting: _Question | None = None
        self._streams: dict[str, _Known] = {}
        self._model: OpenSecondModel | None = None
        self._complaint = ''
        self._closed = False
        self._thread = threading.Thread(target=self._work, name='ml_teacher', daemon=True)
        self._thread.start()

    def offer(self, seen: Seen) -> None:
        """Takes a valid result, if it is its turn."""
        prediction, pipeline = seen.prediction, seen.pipeline
        known = self._streams.setdefault(seen.stream, _Known())
        known.seen += 1
        is_turn = known.seen % self._rules().every == 0
        if not (is_turn and prediction.verdict.ok and self._model is not None):
            return
        frame = prediction.frames[pipeline.wiring.inputs[0].tensor][-1]
        kept = replace(prediction, result=copy.deepcopy(prediction.result))
        with self._changed:
            if self._waiting is not None:
                self._streams[self._waiting.stream].skipped += 1
            self._waiting = _Question(seen.stream, frame, kept, pipeline.task)
            self._changed.notify()

    def agreement(self, stream: str) -> Agreement:
        """Tells what is known of a stream."""
        known, model = self._streams.get(stream, _Known()), self._model
        return Agreement(
            str(model.description.identity) if model is not None else '',
            known.scores,
            known.rolling.pairs if known.rolling is not None else 0,
            known.skipped,
            known.failed,
            self._complaint or known.sentence,
        )

    def close(self) -> None:
        """Ends the run that is under way, and closes the model."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._model is not None:
            self._model.interrupt()
        self._thread.join(STOP_S)

    def _work(self) -> None:
        try:
            model = self._open()
        except Exception as error:  # it serves nobody, so nobody goes without
            self._complaint = f'no teacher: {error}'
            return
        self._model = model
        try:
            while (question := self._next()) is not None:
                if self._has_room(self._rules().spare_cpus):
                    self._answer(model, question)
                else:
                    self._streams[question.stream].skipped += 1
        except DeadlineError:  # it was ended
            pass
        finally:
            model.close()

    def _next(self) -> _Question | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            question, self._waiting = self._waiting, None
            return None if self._closed else question

    def _answer(self, model: OpenSecondModel, question: _Question) -> None:
        known, task = self._streams[question.stream], question.task
        try:
            model.begin(None)
            (result,) = model.run([question.frame])
            if result is None:
                raise MessageError('result', model.omitted()[0].detail, 'a valid one')
            truth = self._translated(model, replace(question.prediction, result=result), task)
            if known.rolling is None or known.task is not task:
                known.rolling, known.task = RollingScores(task.scorer), task
            known.rolling.add(question.prediction.result, truth, self._rules().window)
            known.scores = tuple(known.rolling.scores())
        except DeadlineError:
            raise
        except Exception as error:  # of a plug-in, or of two models that do not go together
            known.failed += 1
            known.sentence = str(error) or type(error).__name__

    def _translated(self, model: OpenSecondModel, said: Prediction, task: Any) -> Any:
        """Returns the teacher's result as one of the task's.

        Raises:
            MessageError: it is of another kind, or says what the task cannot say.
        """
        if not (isinstance(task, Reading) and isinstance(task, Scoring)):
            raise MessageError('task', type(task).__name__, 'one that can be scored')
        header = self._messages('std_msgs/msg/Header')()
        told = dict(model.task.encode(said, header, self._messages))
        wanted = {topic.name for topic in task.truths}
        if not wanted <= told.keys():
            raise MessageError('topics', ', '.join(told), ', '.join(sorted(wanted)))
        return task.read({name: told[name] for name in wanted})
