"""Reads what nodes have said from a bag; needs no ROS."""

from __future__ import annotations

from pathlib import Path

from ml_integration.errors import RecordingError
from ml_integration.fleet.messages import read_report
from ml_integration.fleet.report.history import History
from ml_integration.recordings.bag import Bag

TOPIC = '/diagnostics'
KIND = 'diagnostic_msgs/msg/DiagnosticArray'


def read_bag(path: Path) -> History:
    """Reads the messages on `/diagnostics`, one after another, and passes over unreadable ones.

    Raises:
        RecordingError: it is no bag, it cannot be read, or nobody speaks on that topic.
    """
    where = str(path)
    if not path.exists():
        raise RecordingError('no such file or folder', where=where)
    if not Bag.recognize(path):
        expected = 'an .mcap or .db3 file, or the folder that ros2 bag made'
        raise RecordingError('it is no bag', where=where, expected=expected)
    bag = Bag(path)
    kind = bag.topics.get(TOPIC)
    if kind != KIND:
        there = ', '.join(sorted(bag.topics)[:20]) or 'none'
        what = f"it has no topic '{TOPIC}'" if kind is None else f"'{TOPIC}' is {kind}"
        hint = f'Record it with: ros2 bag record {TOPIC}'
        raise RecordingError(what, where=where, expected=KIND, got=f'topics: {there}', hint=hint)
    history = _read(bag.only([TOPIC]))
    if not history.nodes:
        raise RecordingError(f'nobody says anything on {TOPIC}', where=where)
    history.end()
    return history


def _read(bag: Bag) -> History:
    history, messages = History(), iter(bag)
    error: RecordingError | None = None
    while True:
        try:
            recorded = next(messages)
        except StopIteration:
            break
        except RecordingError as unreadable:
            history.unread += 1
            error = unreadable
            continue
        history.take(read_report(recorded.message), recorded.recorded_ns)
    if error is not None and not history.nodes:
        raise error
    return history
