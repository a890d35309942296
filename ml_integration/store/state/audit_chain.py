"""Proof that the entries of an audit log follow each other, and are all there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from ml_integration.store.state.audit_entry import FIRST, AuditEntry

Entries = Sequence[AuditEntry | None]
"""Entries in the order of the log; None for a line that is none."""


@dataclass(frozen=True, slots=True)
class Head:
    """Knowledge about a log that is kept beside it.

    An entry is announced before it is written. So a log that is one entry longer than its head
    says has lost its power at the wrong moment only if that entry is the announced one.

    Attributes:
        count: number of entries, also of those that were dropped.
        sha256: digest of the last one.
        announced: digest of the one that is being written; empty if there is none.
        dropped: number of the oldest entries, which were removed as the log grew.
        dropped_sha256: digest of the last one of these; the first that is left follows it.
        oldest: number of the oldest file that belongs to the log.
    """

    count: int = 0
    sha256: str = FIRST
    announced: str = ''
    dropped: int = 0
    dropped_sha256: str = FIRST
    oldest: int = 1

    def data(self) -> bytes:
        """Returns the content of the file."""
        return json.dumps(asdict(self)).encode()


def parse_head(data: bytes) -> Head | None:
    """Reads the content of the file; None if it is something else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not document.keys() >= {'count', 'sha256'}:
        return None
    default = asdict(Head())
    known = {item.name: document.get(item.name, default[item.name]) for item in fields(Head)}
    same = all(type(value) is type(default[name]) for name, value in known.items())
    return Head(**known) if same else None


def broken_links(head: Head, entries: Entries) -> list[str]:
    """Lists what is wrong with the entries and with the way each one follows its predecessor."""
    problems = []
    digest = head.dropped_sha256
    for number, entry in enumerate(entries, head.dropped + 1):
        if entry is None:
            problems.append(f'line {number} is not an entry')
            digest = ''
            continue
        if entry.sha256 != entry.digest():
            problems.append(f'entry {number} was edited')
        if digest and entry.previous != digest:
            problems.append(
                f'entry {number} does not follow what is before it: entries were removed, '
                'inserted, moved or edited'
            )
        if entry.action == 'repair' and entry.result != 'ok':
            problems.append(f'entry {number} of {entry.time} found: {entry.reason}')
        digest = entry.sha256
    return problems


def missing_at_the_end(head: Head | None, entries: Entries) -> list[str]:
    """Says what is wrong with the end of the log."""
    if head is None:
        what = 'its .head file is missing or unreadable: entries may be gone from the end'
        return [what] if entries else []
    count = head.dropped + len(entries)
    if head.count > count:
        return [f'{head.count - count} entries are gone from the end']
    if head.count < count and not _is_announced(head, entries):
        return [f'{count - head.count} entries were added behind the back of the log']
    at = head.count - head.dropped
    last = entries[at - 1] if at > 0 else None
    if at > 0 and (last is None or last.sha256 != head.sha256):
        return [f'entry {head.count} is not the one that its .head file names']
    return []


def _is_announced(head: Head, entries: Entries) -> bool:
    """Tells whether only the announced entry is newer than the head."""
    last = entries[-1]
    alone = head.dropped + len(entries) == head.count + 1
    return alone and last is not None and last.sha256 == head.announced
