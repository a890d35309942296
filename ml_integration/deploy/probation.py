"""Decides when a model has proven itself and what a node remembers of its models; no I/O.

A model that was put into service is on probation until it has served well for a while. When
the process dies meanwhile, it starts on the same model again, a limited number of times, and
then on the last one that was good. This is how A/B updates of operating systems work. What a
starting node loads is decided in `starting`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ml_integration.core.declaration import declared
from ml_integration.store.state.node_state import (
    LONGEST,
    NONE,
    Edition,
    NodeState,
    Rejection,
    ServedModel,
)


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

    Attributes:
        good_frames: the good results so far, whatever came between them.
    """

    def __init__(
        self, settings: Callable[[], ProbationSettings], now_ns: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._since_ns = now_ns()
        self._good = 0
        self.good_frames = 0

    def passed(self, good: bool) -> bool:
        """Records one frame's outcome; tells whether the model has now proven itself."""
        now_ns, settings = self._now_ns(), self._settings()
        if not good:
            self._since_ns, self._good = now_ns, 0
            return False
        self._good += 1
        self.good_frames += 1
        long_enough = now_ns - self._since_ns >= settings.seconds * 1e9
        return self._good >= settings.good_frames and long_enough


def on_good_frames(state: NodeState, edition: Edition, frames: int) -> NodeState:
    """Returns the state in which the serving model has given some good frames.

    Args:
        state: the newest one; it stays as it is when another model serves by now.
        edition: the model that gave them.
        frames: their number since it was put into service.
    """
    if not state.served or not state.edition.matches(edition):
        return state
    serving, *others = state.served
    counted = replace(serving, good_frames=max(frames, serving.good_frames))
    return replace(state, served=(counted, *others))


def on_swap(state: NodeState, model: Edition, meant: Edition = NONE) -> NodeState:
    """Returns the state after a swap: the model is on probation, even if rejected before.

    Args:
        state: the newest one.
        model: the new one.
        meant: what the parameter of the last start stands for now, as whoever swaps decides
            against it; NONE where that is not known.
    """
    rejected = tuple(item for item in state.rejected if not item.edition.matches(model))
    new = enter(replace(state, rejected=rejected, meant=meant or state.meant), model, True)
    return replace(new, stands=new.edition) if new.committed else new


def on_promotion(state: NodeState, model: Edition, meant: Edition = NONE) -> NodeState:
    """Returns the state after a rollout has put a model into service; as `on_swap`.

    It goes on after a restart, proven or not: the rollout says when it may not.
    """
    new = on_swap(state, model, meant)
    return replace(new, stands=new.edition)


def on_commit(state: NodeState) -> NodeState:
    """Returns the state after the serving model has proven itself."""
    serving, *others = state.served
    served = (replace(serving, proven=True), *others)
    stands = serving.edition if state.chosen else state.stands
    return replace(state, served=served, attempts=0, stands=stands)


def on_rollback(
    state: NodeState,
    target: Edition,
    reason: str = 'it was rolled back',
    meant: Edition = NONE,
) -> NodeState:
    """Returns the state after the serving model was taken back, proven or not.

    Args:
        state: the newest one.
        target: one of its `ways_back`, which serves from now on, also after a restart.
        reason: why the other one is rejected.
        meant: as for `on_swap`.
    """
    rejected = reject(state, Rejection(state.edition, reason, target))
    new = enter(replace(rejected, meant=meant or state.meant), target, True)
    return replace(new, stands=new.edition)


def on_stop(state: NodeState) -> NodeState:
    """Returns the state after a clean stop, which does not count as a failed attempt."""
    unproven = bool(state.attempts) and not state.committed
    return replace(state, attempts=state.attempts - 1) if unproven else state


def enter(state: NodeState, edition: Edition, chosen: bool) -> NodeState:
    """Returns the state in which a model is put into service.

    Args:
        state: the newest one.
        edition: the model; one that has proven itself before is not on probation.
        chosen: whether a person chose it while the node was running.
    """
    known = state.find(edition)
    known = replace(known, edition=edition if edition.digest else known.edition)
    others = tuple(item for item in state.served if not item.edition.matches(edition))
    served = (known, *others)[:LONGEST]
    return replace(state, served=served, attempts=0 if known.proven else 1, chosen=chosen)


def identify(state: NodeState, edition: Edition) -> NodeState:
    """Returns the state that knows the content of the model that is being put into service."""
    if not state.served or state.edition.digest or state.edition.model != edition.model:
        return state
    serving, *others = state.served
    return replace(state, served=(replace(serving, edition=edition), *others))


def reject(state: NodeState, rejection: Rejection) -> NodeState:
    """Returns the state in which a model is rejected, which ends its proof as well."""
    edition = rejection.edition
    others = tuple(item for item in state.rejected if not item.edition.matches(edition))
    served = tuple(
        replace(item, proven=False) if item.edition.matches(edition) else item
        for item in state.served
    )
    return replace(state, served=served, rejected=(*others, rejection)[-LONGEST:])


def why_no_way_back(state: NodeState, required: int) -> str:
    """Says with numbers why a rollback has no model to return to.

    Args:
        state: the newest one.
        required: good frames that prove a model.
    """
    told = [_report(state, item, required) for item in state.served]
    return '; '.join([*told[1:], *told[:1]]) + ('' if told[1:] else '; no other model has served')


def _report(state: NodeState, item: ServedModel, required: int) -> str:
    text = f'{item.edition} served {item.good_frames} of {required} good frames'
    if item.proven:
        text = f'{item.edition} has proven itself'
    rejection = state.rejection_of(item.edition)
    return f'{text} and is rejected: {rejection.reason}' if rejection else text
