"""Advice about processors: threads that spin, wait, or are too many or too few."""

from __future__ import annotations

from collections.abc import Iterator

from ml_integration.fleet.advice import Advice
from ml_integration.fleet.situation import Situation, Statuses, number

BUSY = 0.9
"""Share of a machine's processors from which they count as all taken."""
IDLE = 0.6
"""Share below which there is something left."""
MUCH_DROPPED = 0.1
LONG_WAIT_MS = 5.0
WITHOUT_CPU = 10.0
"""Time that threads were ready and had no CPU, from which others are to blame [%]."""
WASTED = 50.0
"""Processor time beyond that of the model's runs that is worth looking at [% of one CPU]."""


def spinning(situation: Situation) -> Iterator[Advice]:
    """Finds threads that wait busily, and take more than the model itself."""
    cpu = situation.number('resources', 'cpu [%]')
    useful = sum(map(_useful, situation.process))
    if situation.text('model', 'spinning') in ('always', 'within_run') and cpu - useful > WASTED:
        yield Advice(
            'spinning',
            f'the process takes {cpu:.0f} % of a CPU, and its models need at most {useful:.0f} %',
            "the engine's threads wait busily for the next frame",
            'set -p execution.spinning:=never and configure again',
            f'up to {cpu - useful:.0f} % of a CPU',
        )


def oversubscribed(situation: Situation) -> Iterator[Advice]:
    """Finds models whose threads together are more than the machine has processors."""
    cpus = situation.number('resources', 'cpus')
    each = [number(statuses, 'model', 'threads') for statuses in situation.machine]
    wanted = [threads for threads in each if threads == threads]
    taken = situation.number('resources', 'machine cpu [%]') / 100
    if len(wanted) > 1 and sum(wanted) > cpus and taken > BUSY:
        fair = max(int(cpus / len(wanted)), 1)
        yield Advice(
            'oversubscribed',
            f'{len(wanted)} models have {sum(wanted):.0f} threads on {cpus:.0f} CPUs, and '
            f'{taken:.0%} of them are taken',
            'threads of different models wait for one another in the middle of a run',
            f'set -p execution.intra_op_threads:={fair} for each of them',
            '10 to 25 % more results where all are busy at the same time',
        )


def idle(situation: Situation) -> Iterator[Advice]:
    """Finds frames that are dropped while processors have nothing to do."""
    taken = situation.number('resources', 'machine cpu [%]') / 100
    cpus = situation.number('resources', 'cpus')
    threads = situation.number('model', 'threads')
    infer_ms = situation.p50_ms('infer')
    if situation.drop_share > MUCH_DROPPED and taken < IDLE and threads < cpus:
        yield Advice(
            'idle_cpus',
            f'{situation.drop_share:.0%} of the frames are dropped, and only {taken:.0%} of the '
            f'CPUs are taken: the model has {threads:.0f} threads on {cpus:.0f} CPUs',
            'a run of the model cannot use what is there',
            'set -p execution.intra_op_threads:=0 (as many as help), or see ml_tune',
            f'runs of down to {infer_ms * threads / cpus:.1f} instead of {infer_ms:.1f} ms',
        )


def waiting(situation: Situation) -> Iterator[Advice]:
    """Finds frames that wait longer than they are worked on, with one stream."""
    wait_ms, infer_ms = situation.p50_ms('wait'), situation.p50_ms('infer')
    keeps_up = situation.frames_hz * situation.p50_ms('total') / 1e3 < 1
    if wait_ms > max(infer_ms, LONG_WAIT_MS) and situation.streams == 1 and keeps_up:
        cause, remedy = _cause_of_waits(situation, wait_ms)
        yield Advice(
            'waiting',
            f'frames wait {wait_ms:.1f} ms for a run of {infer_ms:.1f} ms',
            cause,
            remedy,
            f'up to {wait_ms:.1f} ms',
        )


def _cause_of_waits(situation: Situation, wait_ms: float) -> tuple[str, str]:
    """Returns why frames wait, and what to do."""
    times = {one.topic: one.transport_ms for one in situation.sources if one.transport_ms}
    if len(times) > 1:
        last = max(times, key=times.__getitem__)
        later_ms = times[last] - min(times.values())
        if later_ms > wait_ms / 2:
            return (
                f'{last} comes {later_ms:.1f} ms later than what it belongs to',
                'let it be published sooner, or take the last one before (keep: latest_ms)',
            )
    without_cpu = situation.number('resources', 'cpu wait [%]')
    if without_cpu > WITHOUT_CPU:
        return (
            f'its threads are ready and have no CPU for {without_cpu:.0f} % of the time',
            'give the node CPUs of its own (taskset, cgroups)',
        )
    return (
        'other work of the same process holds the frame loop up',
        'give the node a process of its own',
    )


def _useful(statuses: Statuses) -> float:
    """Returns what all threads of a model take while it runs [% of one CPU]."""
    share = number(statuses, 'latency', 'infer p50 [ms]') / 1e3
    rate_hz, threads = (
        number(statuses, 'results', 'rate [Hz]'),
        number(statuses, 'model', 'threads'),
    )
    return 100 * share * rate_hz * threads
