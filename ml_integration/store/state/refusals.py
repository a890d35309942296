"""Counts refusals instead of writing each one down: whoever may ask, may ask a million times.

The first refusal of a kind is an entry of the audit log. The same ones that follow within ten
minutes are counted here, and become one entry with their number when the time is over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from ml_integration.store.files import read_file
from ml_integration.store.state.audit_entry import AuditEntry
from ml_integration.store.state.durable import cannot, open_to_write, write_all

WINDOW_S = 600.0
"""Time for which refusals of one kind are counted [s]."""
MOST_KINDS = 40
"""Kinds of refusals that are told apart within that time; the others are counted together."""
_LARGEST = 2**20
"""Bytes of the file that holds the counts, at most."""
_NUMBERS = re.compile(r'[0-9]+')


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals of one kind: of one actor, action and model, for one reason.

    Attributes:
        reason: that of the latest one.
        since: when the first one was written down [s since 1970].
        until: when the latest one came [s since 1970].
        count: how many came after the first one.
    """

    actor: str
    action: str
    model: str
    result: str
    reason: str
    since: float
    until: float
    count: int = 0

    @staticmethod
    def of(entry: AuditEntry, now: float) -> Refusals:
        """Begins to count with a refusal that is written down."""
        return Refusals(
            entry.actor, entry.action, entry.model, entry.result, entry.reason, now, now
        )

    def kind(self) -> tuple[str, ...]:
        """Returns what refusals have in common; numbers in a reason may differ."""
        reason = _NUMBERS.sub('#', self.reason)
        return (self.actor, self.action, self.model, self.result, reason)

    def again(self, other: Refusals) -> Refusals:
        """Returns the count with one more."""
        return replace(self, reason=other.reason, until=other.until, count=self.count + 1)

    def is_over(self, now: float) -> bool:
        """Tells whether the time is over, or the clock was set back."""
        return not 0 <= now - self.since < WINDOW_S

    def entry(self) -> AuditEntry:
        """Makes the entry about those that were counted."""
        until = datetime.fromtimestamp(self.until, timezone.utc).isoformat(timespec='seconds')
        reason = f'{self.count} more until {until}: {self.reason}'
        return AuditEntry.now(self.actor, self.action, self.model, '', '', self.result, reason)


_OTHERS = ('audit log', 'other requests', '', 'refused', 'many requests of different kinds')


def counted(known: Sequence[Refusals], entry: AuditEntry, now: float) -> tuple[Refusals, ...]:
    """Returns the counts with one more refusal; it is to be written down if it is a new kind."""
    new = Refusals.of(entry, now)
    if new.kind() not in {one.kind() for one in known} and len(known) >= MOST_KINDS:
        new = Refusals(*_OTHERS, now, now)
        if new.kind() not in {one.kind() for one in known}:
            return (*known, replace(new, count=1))
    if new.kind() not in {one.kind() for one in known}:
        return (*known, new)
    return tuple(one.again(new) if one.kind() == new.kind() else one for one in known)


class RefusalCounts:
    """Holds the counts in a file; whoever writes holds the lock of the log.

    They are evidence of second rank: a power cut may take them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Refusals, ...]:
        """Returns the counts; empty if there are none or the file cannot be understood."""
        try:
            document = json.loads(read_file(self._path, _LARGEST))
            return tuple(_parse(item) for item in document)
        except (OSError, ValueError, TypeError, OverflowError, RecursionError):
            return ()

    def write(self, known: Sequence[Refusals]) -> None:
        """Writes the counts without waiting for the disk: a flood must not wear it out.

        Raises:
            StateError: they cannot be written.
        """
        data = json.dumps([asdict(one) for one in known]).encode()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            descriptor = open_to_write(self._path, flags, 0o644)
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot('be written', self._path, error) from error


def _parse(item: object) -> Refusals:
    match item:
        case {
            'actor': str(actor), 'action': str(action), 'model': str(model),
            'result': str(result), 'reason': str(reason),
            'since': float(since), 'until': float(until), 'count': int(count),
        }:  # fmt: skip
            one = Refusals(actor, action, model, result, reason, since, until, count)
            one.entry()  # its time may be none
            return one
    raise ValueError('it is no count of refusals')
