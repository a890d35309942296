"""Decides when a model has proven itself and which model a starting node loads; no I/O.

A model that was put into service is on probation until it has served well for a while. When
the process dies meanwhile, it starts on the same model again, a limited number of times, and
then on the last one that was good. This is how A/B updates of operating systems work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ml_integration.core.declaration import declared
from ml_integration.store.state.node_state import NodeState


@dataclass(frozen=True, slots=True)
class ProbationSettings:
    """Settings for when a new model counts as proven, and when it is given up."""

    good_frames: int = declared(
        100, 'Good results in a row before a model counts as proven.', ge=1
    )
    seconds: float = declared(
        10.0, 'Time without a failure before a model counts as proven [s].', ge=0.0
    )
    attempts: int = declared(
        3, 'Starts on an unproven model before the previous one is used.', ge=1, at_configure=True
    )


class Trial:
    """Trial of one model. Used by one thread at a time.

    Args:
        settings: gives the current requirements.
        now_ns: the steady time [ns].
    """

    def __init__(
        self, settings: Callable[[], ProbationSettings], now_ns: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._since_ns = now_ns()
        self._good = 0

    def passed(self, good: bool) -> bool:
        """Records one frame's outcome; tells whether the model has now proven itself."""
        now_ns, settings = self._now_ns(), self._settings()
        if not good:
            self._since_ns, self._good = now_ns, 0
            return False
        self._good += 1
        long_enough = now_ns - self._since_ns >= settings.seconds * 1e9
        return self._good >= settings.good_frames and long_enough


@dataclass(frozen=True, slots=True)
class Decision:
    """Model to load, the state to store first, and why it is not the wanted model."""

    model: str
    state: NodeState
    reason: str = ''


def on_start(state: NodeState, wanted: str, allowed_attempts: int) -> Decision:
    """Decides what a starting node loads.

    Args:
        state: as it was stored.
        wanted: the model that the parameter names.
        allowed_attempts: starts on an unproven model before it is given up.
    """
    good = _good(state, wanted)
    if wanted in state.rejected and good:
        return _fall_back(state, wanted, good, 'it was given up or rolled back before')
    if wanted != state.serving:
        return Decision(wanted, _put_into_service(state, wanted))
    if state.committed:
        return Decision(wanted, state)
    if state.attempts >= allowed_attempts and good:
        reason = f'it did not prove itself in {state.attempts} start(s)'
        return _fall_back(state, wanted, good, reason)
    return Decision(wanted, replace(state, attempts=state.attempts + 1))


def on_load_failure(state: NodeState, failed: str, reason: str) -> Decision | None:
    """Decides what a starting node loads after `failed` was refused; None if nothing is left."""
    good = _good(state, failed)
    return _fall_back(state, failed, good, reason) if good else None


def on_swap(state: NodeState, model: str) -> NodeState:
    """Returns the state after a swap: the model is on probation, even if rejected before."""
    return _put_into_service(replace(state, rejected=_without(state.rejected, model)), model)


def on_commit(state: NodeState) -> NodeState:
    """Returns the state after the serving model has proven itself."""
    return replace(state, committed=True, attempts=0)


def on_rollback(state: NodeState) -> Decision | None:
    """Decides what serves after a rollback; None if there is no good model to return to."""
    good = _good(state, state.serving)
    return _fall_back(state, state.serving, good, 'it was rolled back') if good else None


def _good(state: NodeState, other_than: str) -> str:
    """Returns the last proven model other than the given one; empty if there is none."""
    candidates = (state.serving if state.committed else '', state.previous)
    return next((model for model in candidates if model and model != other_than), '')


def _put_into_service(state: NodeState, model: str) -> NodeState:
    if model == state.serving:
        return replace(state, attempts=0 if state.committed else 1)
    good = _good(state, model)
    if model == state.previous:  # it has proven itself before
        good = state.serving if state.committed else ''
        return replace(state, serving=model, committed=True, attempts=0, previous=good)
    return replace(state, serving=model, committed=False, attempts=1, previous=good)


def _fall_back(state: NodeState, failed: str, good: str, reason: str) -> Decision:
    rejected = (*_without(state.rejected, failed), failed)
    new = NodeState(serving=good, committed=True, previous='', rejected=rejected)
    return Decision(good, new, f'{failed} is not used, {good} is: {reason}')


def _without(models: tuple[str, ...], model: str) -> tuple[str, ...]:
    return tuple(item for item in models if item != model)
