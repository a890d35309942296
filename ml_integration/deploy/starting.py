"""Decides what a starting node loads, and what next if that cannot be loaded; no I/O.

The parameter decides; after a restart with the same parameter the model goes on that a person
has chosen since, if it proved itself. What cannot be loaded gives way to the last proven version
of the same model, and is forgotten as soon as it can be loaded. A model of another name takes a
place only where a parameter says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ml_integration.core.findings import Level
from ml_integration.deploy import probation
from ml_integration.store.state.node_state import NONE, Edition, NodeState, Rejection


@dataclass(frozen=True, slots=True)
class Start:
    """Request to start.

    Attributes:
        asked: the parameter `model` at the start of the process.
        meant: what it stands for now; without a digest where that cannot be read.
        chosen: what a person chose since the process started; NONE for nothing.
        allowed_attempts: starts on an unproven model before it is given up.
        fallback: model that may take the place of one of another name; NONE for no such model.
        proven: models that have proven themselves in other nodes, the best one first.
        node: full name of the node, for what is told.
        release: the command that lifts a rejection, without the model.
    """

    asked: str
    meant: Edition
    chosen: Edition = NONE
    allowed_attempts: int = 3
    fallback: Edition = NONE
    proven: Sequence[Edition] = ()
    node: str = ''
    release: str = 'ml_model release'


@dataclass(frozen=True, slots=True)
class Choice:
    """Model to load, and the state to store first.

    Attributes:
        edition: the model.
        state: as if nothing that was tried before had been asked for.
        sentence: why it is not the one of the parameter; empty if it is.
        level: how bad that is.
    """

    edition: Edition
    state: NodeState
    sentence: str = ''
    level: Level = Level.OK


def choices(state: NodeState, start: Start) -> tuple[Choice, ...]:
    """Lists what a starting node tries to load, the first one first; there is at least one."""
    changed, lost = _is_changed(state, start), _lost_swap(state)
    settled = _settled(state, start, changed)
    first = _first(settled, start, changed)
    others = tuple(_others(settled, start, first))
    asked_anew = changed and state.asked
    looping = None if asked_anew else _crash_loop(settled, start, first)
    rejection = settled.rejection_of(first) or looping
    if rejection is not None and others:
        return tuple(_given_up(settled, start, rejection, others))
    chosen = bool(start.chosen) or not (changed or first.matches(start.meant))
    sentence, level = _told(settled, start, first, NONE if changed else lost)
    wanted = Choice(first, _begun(settled, first, chosen), sentence, level)
    return (wanted, *(Choice(item, probation.enter(settled, item, False)) for item in others))


def nothing_started(state: NodeState, start: Start) -> NodeState:
    """Returns the state after a start for which nothing could be loaded.

    What was asked for is not rejected for it; that it was asked for is remembered, so that a
    parameter that is changed once more still wins over an earlier swap.
    """
    return _settled(state, start, _is_changed(state, start))


def instead_of(wanted: Edition, used: Edition, reason: str, hint: str) -> str:
    """Says that another model is used, why, and what to do about it."""
    return f'{wanted} is not used, {used} is: {reason}. {hint}'


def how_to_lift(model: Edition, start: Start) -> str:
    """Says how a rejected model is tried again."""
    return (
        f'To try it again: ros2 param set {start.node} model {model}, {start.release} {model}, '
        'or start with a changed parameter.'
    )


def _is_changed(state: NodeState, start: Start) -> bool:
    """Tells whether a person has asked for something else than at the last start."""
    if start.chosen:
        return True
    if not state.asked:  # nothing is known, as in a state of an older version
        return state.rejection_of(start.meant) is None
    moved = bool(state.meant and '@' in start.meant.model) and (
        state.meant.model != start.meant.model
    )
    return moved or start.asked != state.asked


def _settled(state: NodeState, start: Start, changed: bool) -> NodeState:
    """Returns the state that knows of the request, and nothing that it makes void."""
    wanted = start.chosen or start.meant
    if changed:
        state = _lifted(state, wanted)
    if changed and not start.chosen:
        state = replace(state, stands=NONE)
    state = replace(state, asked=start.asked, meant=start.meant)
    for rejection in state.rejected:
        old = rejection.edition
        if old.model == wanted.model and not old.matches(wanted):  # it has other content now
            state = state.without_rejection(old)
    lost = _lost_swap(state)
    if lost and not lost.matches(wanted):
        first, *others = state.served
        state = replace(state, served=(*others, first), attempts=0, chosen=False)
    return state


def _lifted(state: NodeState, model: Edition) -> NodeState:
    rejected = tuple(item for item in state.rejected if not item.edition.matches(model))
    return replace(state, rejected=rejected)


def _lost_swap(state: NodeState) -> Edition:
    """Returns the model that a person chose and that did not prove itself in time, if any."""
    went_back = state.stands and state.edition.matches(state.stands)
    return state.edition if state.chosen and not state.committed and not went_back else NONE


def _first(state: NodeState, start: Start, changed: bool) -> Edition:
    if start.chosen:
        return start.chosen
    if changed or not state.stands or state.stands.model == start.meant.model:
        return start.meant
    return state.stands


def _others(state: NodeState, start: Start, first: Edition) -> Iterator[Edition]:
    """Yields what may take the place of the first one: each once, and nothing rejected."""
    own = [item.edition for item in state.served if item.proven]
    refuted = [item.edition for item in state.served if not item.proven]
    elsewhere = [one for one in start.proven if not any(one.matches(bad) for bad in refuted)]
    proven = [*own, *elsewhere]
    names = dict.fromkeys((first.name, first.name if start.chosen else start.meant.name))
    candidates = [
        *(item for item in proven if item.name == first.name),
        *((start.meant,) if start.meant.name in names else ()),
        *(item for item in proven if item.name in names),
        start.fallback,
    ]
    usable = (item for item in candidates if item and not item.matches(first))
    yield from _unique(item for item in usable if not state.rejection_of(item))


def _unique(editions: Iterable[Edition]) -> Iterator[Edition]:
    seen: list[Edition] = []
    for edition in editions:
        if not any(edition.matches(one) for one in seen):
            seen.append(edition)
            yield edition


def _crash_loop(state: NodeState, start: Start, first: Edition) -> Rejection | None:
    serving = state.edition.matches(first) and not state.committed
    if not serving or state.attempts < start.allowed_attempts:
        return None
    return Rejection(state.edition, f'it did not prove itself in {state.attempts} start(s)')


def _given_up(
    state: NodeState, start: Start, rejection: Rejection, others: Iterable[Edition]
) -> Iterator[Choice]:
    """Yields what takes the place of a model that is rejected, or is from now on."""
    wanted = rejection.edition
    state, hint = probation.reject(state, rejection), how_to_lift(wanted, start)
    for other in others:
        sentence = instead_of(wanted, other, rejection.reason, hint)
        yield Choice(other, probation.enter(state, other, False), sentence, Level.WARN)


def _begun(state: NodeState, first: Edition, chosen: bool) -> NodeState:
    attempts = state.attempts if state.edition.matches(first) else 0
    new = probation.enter(state, first, chosen)
    return new if new.committed else replace(new, attempts=attempts + 1)


def _told(state: NodeState, start: Start, first: Edition, lost: Edition) -> tuple[str, Level]:
    """Says why the first choice is not the model of the parameter, or not what served last."""
    if lost and not lost.matches(first):
        reason = 'the node ended before it had proven itself'
        hint = f'To try it again: ros2 param set {start.node} model {lost}.'
        return instead_of(lost, first, reason, hint), Level.WARN
    if first.matches(start.chosen or start.meant):
        return _unknown_content(state, first)
    rejection = state.rejection_of(start.meant)
    if rejection is not None:
        lift = how_to_lift(start.meant, start)
        return instead_of(start.meant, first, rejection.reason, lift), Level.WARN
    back = [item for item in state.rejected if item.instead and item.instead.matches(first)]
    why = f'{back[-1].edition} was rolled back' if back else 'it proved itself after a swap'
    return (
        f'{first} goes on, since {why} and the parameter is the same as at the last start '
        f'({start.asked}). To use {start.meant}: ros2 param set {start.node} model {start.meant}.',
        Level.OK,
    )


def _unknown_content(state: NodeState, first: Edition) -> tuple[str, Level]:
    """Says that a version has other content than the one that proved itself, if it has."""
    proven = [item.edition for item in state.served if item.proven]
    if state.find(first).proven or first.model not in map(str, proven):
        return '', Level.OK
    return f'{first} has other content than when it proved itself here: it is new', Level.WARN
