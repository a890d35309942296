"""Concludes from evidence what follows for a candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ml_integration.core.rollout.criteria import (
    DISAGREEMENT,
    ERRORS,
    INVALID,
    LATE,
    LATENCY,
    SCORE,
)
from ml_integration.core.rollout.judgment import Evidence, Judgment, Says, Stage, Verdict
from ml_integration.core.rollout.settings import RolloutSettings

NEEDED = (LATENCY.name, ERRORS.name, INVALID.name)
"""Criteria without whose data no candidate passes a stage."""
NOT_OF_QUALITY = (*NEEDED, LATE.name, 'memory')


def conclude(
    evidence: Sequence[Evidence],
    stage: Stage,
    seconds: float,
    frames: int,
    settings: RolloutSettings,
    awaits_truth: bool = False,
) -> Judgment:
    """Says what follows.

    Args:
        evidence: what each criterion said at the last look; nothing but of memory before the
            first one.
        stage: of the rollout.
        seconds: since it began [s].
        frames: that the candidate has seen in it.
        settings: the limits.
        awaits_truth: whether there will be scores.
    """
    evidence = tuple(_softened(evidence, stage, awaits_truth))
    worse = _of(evidence, Says.WORSE)
    if worse:
        return _judgment(Verdict.ROLL_BACK, worse, seconds, evidence)
    longest_s = settings.longest_s + (settings.watch_s if stage is Stage.WATCH else 0.0)
    holding = missing(stage, seconds, frames, settings) or _holding(evidence, stage, awaits_truth)
    if holding:
        late = seconds > longest_s
        reason = f'no decision in {longest_s:.0f} s: {holding}' if late else holding
        return Judgment(
            Verdict.HALT if late else Verdict.HOLD, reason, seconds, _ordered(evidence)
        )
    return _judgment(Verdict.ADVANCE, _of(evidence, Says.FINE), seconds, evidence)


def missing(stage: Stage, seconds: float, frames: int, settings: RolloutSettings) -> str:
    """Says how much there is of what each stage takes at least; empty if that is enough."""
    least_s = settings.watch_s if stage is Stage.WATCH else settings.minimum_s
    least = settings.minimum_frames
    if seconds >= least_s and frames >= least:
        return ''
    return (
        f'{min(frames, least)} of {least} frames, {min(seconds, least_s):.0f} of {least_s:.0f} s'
    )


def _holding(evidence: Sequence[Evidence], stage: Stage, awaits_truth: bool) -> str:
    """Says why the candidate stays in the stage; empty if it need not."""
    marginal = _of(evidence, Says.MARGINAL)
    if stage is Stage.WATCH:  # it serves by now: only what rather speaks against it matters
        marginal = tuple(one for one in marginal if one.value > one.limit)
    if marginal:
        return 'not sure yet: ' + _words(marginal)
    known = {one.criterion for one in evidence if one.says is not Says.NO_DATA}
    unknown = _of(evidence, Says.NO_DATA)
    needed = (*NEEDED, SCORE) if awaits_truth else NEEDED
    lacking = [one.words for one in unknown if one.criterion in needed]
    if lacking or not known.issuperset(NEEDED):
        return '; '.join(lacking) or 'not enough data'
    if stage is Stage.SHADOW and not known.difference(NOT_OF_QUALITY):
        return (
            'nothing tells whether its results are good: there were none to compare, and nobody '
            'tells the truth'
        )
    return ''


def _softened(
    evidence: Sequence[Evidence], stage: Stage, awaits_truth: bool
) -> Iterator[Evidence]:
    """Yields the evidence, with what must not roll back made marginal."""
    truth = awaits_truth or any(one.n for one in evidence if one.criterion == SCORE)
    for one in evidence:
        if one.says is not Says.WORSE:
            yield one
        elif stage is Stage.SHADOW and one.criterion == LATENCY.name:
            words = f'{one.words}, in spare time'
            yield replace(one, says=Says.MARGINAL, words=words)
        elif one.criterion == DISAGREEMENT.name and truth:
            words = f'{one.words}; truth decides who is right'
            yield replace(one, says=Says.MARGINAL, words=words)
        else:
            yield one


def _of(evidence: Iterable[Evidence], says: Says) -> tuple[Evidence, ...]:
    return tuple(one for one in evidence if one.says is says)


def _words(evidence: Iterable[Evidence]) -> str:
    return '; '.join(one.words for one in evidence)


def _judgment(
    verdict: Verdict, deciding: Iterable[Evidence], seconds: float, evidence: Sequence[Evidence]
) -> Judgment:
    return Judgment(verdict, _words(deciding), seconds, _ordered(evidence))


def _ordered(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    order = (Says.WORSE, Says.MARGINAL, Says.FINE, Says.NO_DATA)
    return tuple(sorted(evidence, key=lambda one: order.index(one.says)))
