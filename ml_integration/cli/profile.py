"""Makes the reference of a model: what is usual on recordings on which it was good.

A node compares what it sees with the reference, and its status `drift` tells what has moved. The
package gets the file reference.npz and is pinned anew. With --check nothing is written: the
recordings are compared with the reference that is there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_integration.cli.arguments import add_json, folder_of, state_of
from ml_integration.cli.auditing import audited
from ml_integration.cli.last_resort import INTERRUPTED
from ml_integration.cli.output import tell, warn
from ml_integration.cli.progress import progress
from ml_integration.cli.running.interrupts import interruptible, until
from ml_integration.cli.running.reading import Reading, add_reading, load
from ml_integration.cli.software import software_version
from ml_integration.cli.tables import Column, show_table
from ml_integration.core.blocks import BlockRule
from ml_integration.core.drift_reference import Reference
from ml_integration.core.pipeline import Pipeline
from ml_integration.errors import ExportError, SettingError
from ml_integration.recordings.arrays import Arrays
from ml_integration.recordings.pictures import Pictures
from ml_integration.serving.playback import Playback
from ml_integration.serving.profiling import (
    EVERY,
    PICTURES_PER_BLOCK,
    DriftCheck,
    Profiler,
    check_blocks,
    digest_of_files,
    second_half,
)
from ml_integration.store.package.adding_reference import add_reference
from ml_integration.store.package.manifest import SIGNATURE
from ml_integration.store.state.places import is_installed

HELP = 'tell a model what is usual, from recordings'
STATED = 1.0
"""False alarms per day."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of this verb."""
    add_reading(parser)
    parser.add_argument(
        '--check', action='store_true', help='compare with the reference that is there'
    )
    parser.add_argument(
        '--labels', choices=('folders',), default='',
        help='each INPUT is a folder that is named like the class its pictures show: '
        'the scores of the classifier are calibrated',
    )  # fmt: skip
    parser.add_argument(
        '--false-alarms-per-day', type=float, default=STATED, metavar='N',
        help=f'rate for which limits are shown (default: {STATED:g})',
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Makes or checks a reference; the status of a check is 1 if signals have moved."""
    per_day = args.false_alarms_per_day
    if not 0.01 <= per_day <= 1440:
        raise SettingError('--false-alarms-per-day', per_day, '0.01 to 1440', where='profile')
    folder = folder_of(args)
    if not args.check:
        _refuse_installed(folder)
    with ExitStack() as cleanup:
        pipeline = load(args, args.model)
        cleanup.callback(pipeline.close)
        if args.check and pipeline.reference is None:
            hint = 'Make one without --check.'
            raise ExportError('there is no reference', where=str(folder), hint=hint)
        reading = Reading(args, pipeline)
        stopped = cleanup.enter_context(interruptible(pipeline.interrupt))
        profiler = Profiler(Playback(pipeline, warn), _rule(reading, pipeline, args.check))
        with progress(args.model, of_bytes=False) as show:
            for source in reading.sources:
                label = source.path.resolve().name if args.labels else ''
                profiler.add(until(stopped, reading.messages(source, show)), label)
        if stopped.is_set():
            return INTERRUPTED
        if args.check and pipeline.reference is not None:
            found = check_blocks(pipeline.reference, profiler.blocks, per_day)
            _tell_check(args, found)
            return int(found.alarms > 0)
    made = profiler.reference(
        digest_of_files(args.inputs), ', '.join(map(str, args.inputs)), software_version()
    )
    with audited(state_of(args), 'profile', str(folder)) as record:
        record.model, record.reason = made.model, f'{made} of data {made.data[:12]}'
        signed = add_reference(folder, made)
    _tell_reference(args, made, per_day)
    if signed:
        warn(
            f'{folder / SIGNATURE} vouches for the manifest as it was; make it anew with: '
            f'ml_model sign {folder} --key FILE'
        )
    return 0


def _rule(reading: Reading, pipeline: Pipeline, check: bool) -> BlockRule:
    """Returns the rule of the reference that is there, or one that fits the recordings."""
    if check and pipeline.reference is not None:
        return pipeline.reference.rule
    untimed = [isinstance(one.recording, Pictures | Arrays) for one in reading.sources]
    if any(untimed) and not all(untimed):
        raise SettingError(
            'INPUT', 'pictures and videos', 'one of both: pictures have no times', where='profile'
        )
    return BlockRule(0.0, PICTURES_PER_BLOCK) if any(untimed) else BlockRule()


def _refuse_installed(folder: Path) -> None:
    if is_installed(folder):
        raise ExportError(
            'an installed version never changes, so that it is the same wherever it is',
            where=str(folder),
            hint='Copy it elsewhere, give it a higher version, profile it there and install it.',
        )


def _tell_reference(args: argparse.Namespace, made: Reference, per_day: float) -> None:
    limits, halves = made.limits, second_half(made, per_day)
    if made.fewest_per_day > per_day:
        warn(_too_short(made, per_day))
    if args.json:
        print(json.dumps(_document(made, per_day, halves)))
        return
    allowed = limits.allowed(per_day) * limits.scale
    rows = [
        (name, f'{center:.4g}', f'{away:.4g}')
        for name, center, away in zip(made.names, limits.center, allowed, strict=True)
    ]
    columns = [Column('signal'), Column('usual', numbers=True), Column('may be off', numbers=True)]
    tell(
        f'{made.model} has a reference: {made}, as good as {limits.independent:.0f} that do not '
        f'depend on each other'
    )
    show_table(columns, rows)
    tell(
        f'A finding takes {limits.in_a_row} blocks in a row beyond a limit, and {per_day:g} false '
        'alarms a day are allowed.'
    )
    if (known := made.calibration) is not None:
        tell(
            f'{known.pictures} labeled pictures: top-1 accuracy {known.accuracy:.3f}; '
            f'a temperature of {known.temperature:.2f} calibrates its scores: their error is '
            f'{known.error:.3f} instead of {known.raw_error:.3f}'
        )
    tell(f'Its second half against its first one: {_sentence(halves)}')


def _too_short(made: Reference, per_day: float) -> str:
    able = made.fewest_per_day
    promise = 'none at all' if able == float('inf') else f'{able:g} false alarms a day'
    return (
        f'too short for {per_day:g} false alarms a day, so a node will not use it: {made}, as '
        f'good as {made.limits.independent:.0f} that do not depend on each other; it can promise '
        f'{promise}. Record 5 minutes or more of what is usual, and longer where it changes slowly'
    )


def _tell_check(args: argparse.Namespace, found: DriftCheck) -> None:
    if args.json:
        print(json.dumps(asdict(found)))
        return
    tell(_sentence(found))
    rows = [(name, f'{times:.1f}') for name, times in found.moved]
    if rows:
        show_table([Column('moved'), Column('times its limit', numbers=True)], rows)


def _sentence(found: DriftCheck) -> str:
    first = f', the first one after {found.first + 1}' if found.first is not None else ''
    return (
        f'{found.alarms} alarms in {found.blocks} blocks{first}; a dummy that is always silent '
        f'gives 0, one that gives an alarm every {EVERY} blocks {found.every_100}'
    )


def _document(made: Reference, per_day: float, halves: DriftCheck) -> dict[str, Any]:
    limits = made.limits
    return {
        'model': made.model,
        'blocks': len(made.blocks),
        'block_s': made.rule.seconds,
        'block_frames': made.rule.frames,
        'independent': limits.independent,
        'in_a_row': limits.in_a_row,
        'data': made.data,
        'long_enough': made.fewest_per_day <= per_day,
        'signals': dict(_signals(made.names, made, per_day)),
        'second_half': asdict(halves),
        'calibration': None if made.calibration is None else asdict(made.calibration),
    }


def _signals(
    names: Sequence[str], made: Reference, per_day: float
) -> Iterator[tuple[str, dict[str, float]]]:
    allowed = made.limits.allowed(per_day) * made.limits.scale
    for name, center, away in zip(names, made.limits.center, allowed, strict=True):
        yield name, {'usual': float(center), 'may_be_off': float(away)}
