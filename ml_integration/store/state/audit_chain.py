"""Proof that the entries of an audit log follow each other, and are all there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_integration.store.state.audit_entry import FIRST, AuditEntry


@dataclass(frozen=True, slots=True)
class Head:
    """Number of entries, and the digest of the last one."""

    count: int = 0
    sha256: str = FIRST


def broken_links(entries: Sequence[AuditEntry | None]) -> list[str]:
    """Lists what is wrong with the entries and with the way each one follows its predecessor.

    Args:
        entries: in the order of the log; None for a line that is none.
    """
    problems = []
    digest = FIRST
    for number, entry in enumerate(entries, 1):
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


def missing_at_the_end(head: Head | None, entries: Sequence[AuditEntry | None]) -> list[str]:
    """Says what is wrong with the end of the log.

    A power cut between the two writes leaves the head one entry behind: that is fine.
    """
    head_count = head.count if head else 0
    if head is None and len(entries) > 1:
        return ['its .head file is missing or unreadable: entries may be gone from the end']
    if head_count > len(entries):
        return [f'{head_count - len(entries)} entries are gone from the end']
    if head_count < len(entries) - 1:
        return [f'{len(entries) - head_count} entries were added behind the back of the log']
    last = entries[head_count - 1] if head_count > 0 else None
    if head is not None and head_count > 0 and (last is None or last.sha256 != head.sha256):
        return [f'entry {head_count} is not the one that its .head file names']
    return []
