"""Tells what `ml_tune` has found, for a person or a program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ml_integration.cli.output import tell
from ml_integration.cli.tables import Column, show_table
from ml_integration.tuning.agreement import Agreement
from ml_integration.tuning.changed import Changed
from ml_integration.tuning.crew import WORKER, Task
from ml_integration.tuning.paired import LEAST_BLOCKS, Paired
from ml_integration.tuning.search import Outcome, Plan, Row

COLUMNS = (
    Column(''), Column('candidate'),
    *(Column(name, numbers=True) for name in (
        'p50 ms', 'p95 ms', 'gain', '99 % interval', 'cpu ms/frame', 'memory MB')),
    Column(''),
)  # fmt: skip
CHANGES = (
    Column('change'),
    *(Column(name, numbers=True) for name in (
        'golden sample: largest difference', 'frames with other labels', 'largest disagreement',
        'score, the model as it is being right', 'score by labels: before, after')),
)  # fmt: skip
NOT_MEASURED = 'not measured: the transport (raw_subscription, large messages): --transport'
WORDS = {'p50': 'p50', 'p95': 'p95', 'cpu': 'CPU per frame'}


@dataclass(frozen=True, slots=True)
class Tuned:
    """Everything that was found.

    Attributes:
        task: what was measured.
        plan: how.
        outcome: what came out.
        changed: the models with other results.
        load_percent: what the background load has really taken [%, 100 is one CPU].
    """

    task: Task
    plan: Plan
    outcome: Outcome
    changed: Changed
    load_percent: float = 0.0


def show_tuned(tuned: Tuned) -> None:
    """Prints the table, what was chosen, and what the second run says of it."""
    rows = [_cells(number, row) for number, row in enumerate(tuned.outcome.rows)]
    title = f'{WORDS[tuned.plan.goal]} at {tuned.task.material.rate_hz:.3g} Hz'
    if tuned.load_percent:
        title += f', while others took {tuned.load_percent:.0f} % of a CPU'
    show_table(COLUMNS, rows, title)
    tell('')
    changes = [[name, *_agreed(one)] for name, one in tuned.changed.agreements.items()]
    if changes:
        show_table(CHANGES, changes, 'what changed models give, beside the model as it is')
        tell('')
    for name, reason in tuned.changed.refused.items():
        tell(f'not measured: {name}: {reason}')
    if tuned.task.worker == WORKER:
        tell(NOT_MEASURED)
    for sentence in sentences(tuned.plan, tuned.outcome):
        tell(sentence)


def sentences(plan: Plan, outcome: Outcome) -> list[str]:
    """Returns what a person should know and do."""
    what = WORDS[plan.goal]
    said = [f'now: {outcome.way}'] if outcome.way else []
    verification = outcome.verification
    if verification is None:
        return [*said, 'keep what you have: nothing is better by 5 % or more at a fair price']
    promised, got = (_percent(one.gain) for one in (verification.promised, verification.got))
    said.append(f'promised: {what} {promised} lower; second run: {_told(verification.got)}')
    if outcome.winner is None:
        return [*said, 'keep what you have: the second run does not confirm it']
    return [*said, f'choose {outcome.winner.name} ({got}):', f'  {outcome.winner.line}']


def tuned_document(tuned: Tuned) -> dict[str, Any]:
    """Returns all of it as JSON has it."""
    plan, outcome = tuned.plan, tuned.outcome
    verification, winner = outcome.verification, outcome.winner
    return {
        'model': str(tuned.task.package),
        'rate_hz': tuned.task.material.rate_hz,
        'load_percent': tuned.load_percent,
        'goal': plan.goal,
        'search': 'full' if plan.full else 'quick',
        'blocks': outcome.trials,
        'now': outcome.way,
        'rows': [_row_document(row) for row in outcome.rows],
        'changed': {name: asdict(one) for name, one in tuned.changed.agreements.items()},
        'not_measured': dict(tuned.changed.refused),
        'winner': winner.name if winner else None,
        'line': winner.line if winner else '',
        'promised': _paired_document(verification.promised) if verification else None,
        'got': _paired_document(verification.got) if verification else None,
        'advice': sentences(plan, outcome),
    }


def _row_document(row: Row) -> dict[str, Any]:
    return {
        'name': row.name,
        'line': row.line,
        'figures': asdict(row.figures) if row.figures else None,
        'against_default': _paired_document(row.against_default) if row.against_default else None,
        'why_not': row.why_not,
    }


def _paired_document(one: Paired) -> dict[str, Any]:
    return {**asdict(one), 'differs': one.differs}


def _cells(number: int, row: Row) -> list[str]:
    figures, against = row.figures, row.against_default
    if figures is None:
        return [str(number), row.name, *[''] * 6, f'not measured: {row.why_not}']
    gain = [_percent(against.gain), _interval(against)] if against else ['', '']
    costs = [f'{figures.cpu_ms:.1f}', f'{figures.memory_mb:.0f}']
    words = [_verdict(against)] if against else []
    if figures.lost >= 0.001:
        words.append(f'{figures.lost:.1%} of the frames lost')
    latency = [f'{figures.p50_ms:.2f}', f'{figures.p95_ms:.2f}']
    return [str(number), row.name, *latency, *gain, *costs, '; '.join(words)]


def _verdict(against: Paired) -> str:
    if against.better:
        return 'better'
    if against.worse:
        return 'worse'
    return 'no difference' if against.blocks >= LEAST_BLOCKS else 'not promising'


def _agreed(one: Agreement) -> list[str]:
    golden = '' if one.golden is None else f'{one.golden:.3g}'
    apart = '' if one.disagreement is None else f'{one.disagreement:.3g}'
    score = '' if one.score is None else f'{one.score:.3f} ({one.score_name})'
    labels = ''
    if one.score_before is not None and one.score_after is not None:
        labels = f'{one.score_before:.3f}, {one.score_after:.3f} ({one.labeled} frames)'
    return [golden, f'{one.flips} of {one.frames}', apart, score, labels]


def _told(got: Paired) -> str:
    if not got.blocks:
        return 'it could not be measured again'
    return f'{_percent(got.gain)} ({_interval(got)}), {_verdict(got)}'


def _percent(share: float) -> str:
    return f'{100 * share:+.0f} %'


def _interval(one: Paired) -> str:
    return f'{100 * one.low:+.0f} to {100 * one.high:+.0f} %'
