"""Log of what was done to models, by whom and why: JSON lines, each bound to the one before.

Every entry holds the SHA-256 of its predecessor, so a line that was edited, removed, inserted or
moved breaks the chain. What a chain cannot tell, that lines are gone from its end or were added
to it, tells the file `<log>.head`: the number of entries and the last digest.

The log does not grow for ever. Its newest file is set aside as `<log>.1`, `<log>.2` and so on;
the chain goes on over all of them. Where there are too many the oldest one is removed, which an
entry says. Refusals that repeat are counted in `<log>.refusals` and become one entry.

That is evidence against accidents and careless hands. A person who may write all these files
can make up a whole new history; against that, keep a copy of the last digest where they cannot
write.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ml_integration.errors import StateError
from ml_integration.store.files import read_file
from ml_integration.store.state.audit_chain import (
    Head,
    broken_links,
    missing_at_the_end,
    parse_head,
)
from ml_integration.store.state.audit_entry import AuditEntry, Result, parse_entry
from ml_integration.store.state.audit_files import AuditFiles, count_lines
from ml_integration.store.state.durable import cannot, locked, write_durably
from ml_integration.store.state.refusals import RefusalCounts, counted

_LARGEST_HEAD = 2**16
"""Bytes of the file with the number of entries, at most."""


@dataclass(frozen=True, slots=True)
class Examination:
    """Content of a log at one moment.

    Attributes:
        entries: all that can be read, the oldest first.
        problems: what is wrong with the log, one sentence each.
        remarks: what is worth knowing and nothing wrong.
        refusals: entries to come, about refusals that are counted at the moment.
    """

    entries: tuple[AuditEntry, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    refusals: tuple[AuditEntry, ...]


class AuditLog:
    """An append-only log. Any number of processes may append.

    Args:
        path: the newest file of the log.
        largest: bytes from which on that file is set aside.
        kept: number of older files.

    Attributes:
        repairs: sentences about what this object had to repair so far.
        tampering: those of them that no power cut explains.
    """

    def __init__(self, path: Path, largest: int = 2**20, kept: int = 8) -> None:
        self.path = path
        self.repairs: tuple[str, ...] = ()
        self.tampering: tuple[str, ...] = ()
        self._largest = largest
        self._kept = kept
        self._files = AuditFiles(path)
        self._head_file = path.with_name(f'{path.name}.head')
        self._refusals = RefusalCounts(path.with_name(f'{path.name}.refusals'))

    def append(
        self,
        action: str,
        *,
        actor: str,
        model: str = '',
        before: str = '',
        after: str = '',
        result: Result = 'ok',
        reason: str = '',
    ) -> AuditEntry:
        """Adds an entry; after the return it survives a power cut.

        What was refused or failed before in the same way is only counted.

        Args:
            action: what was done, such as install, activate, swap, rollback, commit.
            actor: the node's name, or ml_model.
            model: name of the model.
            before: the version in use before; empty where that makes no sense.
            after: the version in use after it.
            result: how it ended.
            reason: why, in words.

        Returns:
            The entry as it was written; without a digest if it was counted.

        Raises:
            StateError: it cannot be written; the log is as it was.
        """
        entry = AuditEntry.now(actor, action, model, before, after, result, reason)
        with locked(self.path.parent / 'locks' / self.path.name):
            end = self._write_counted(self._mend(), time.time())
            if result != 'ok' and not self._is_new(entry, time.time()):
                return entry
            return self._write(self._rotate(end), entry)[1]

    def entries(self) -> tuple[AuditEntry, ...]:
        """Reads all entries that can be read, the oldest first.

        Raises:
            StateError: the log is there but may not be read.
        """
        return self.examine().entries

    def verify(self) -> tuple[str, ...]:
        """Lists what is wrong with the log, one sentence each; empty when it is intact.

        Raises:
            StateError: the log is there but may not be read.
        """
        return self.examine().problems

    def examine(self) -> Examination:
        """Reads the log and all that is to be said about it.

        An unfinished last line, as a power cut leaves it, is nothing wrong: the next `append`
        removes it and says so in an entry of its own. Entries that are missing at the end do not
        get forgotten either: the next `append` says so for ever.

        Raises:
            StateError: the log is there but may not be read.
        """
        before = self._look()
        while True:
            head = self._read_head()
            lines, torn = self._files.lines(head.oldest if head else 1)
            after = self._look()
            if before == after:  # nobody appended meanwhile
                break
            before = after
        entries = [parse_entry(line) for line in lines]
        broken = broken_links(head or Head(), entries)
        return Examination(
            tuple(entry for entry in entries if entry is not None),
            (*broken, *missing_at_the_end(head, entries)),
            _remarks(torn, head),
            tuple(one.entry() for one in self._refusals.read() if one.count),
        )

    def _look(self) -> tuple[Head | None, tuple[int, ...], int]:
        inode = 0
        with suppress(OSError):
            inode = self.path.lstat().st_ino
        return self._read_head(), tuple(self._files.older()), inode

    def _mend(self) -> Head:
        """Prepares the log for the next entry; what was wrong is said in an entry."""
        head, end = self._read_head(), self._files.end()
        last = parse_entry(end.line)
        intact = head is not None and last is not None and last.sha256 == last.digest()
        if end.torn:
            self._files.cut(end.size)
        found = [f'the unfinished last line, {end.torn} bytes, was removed'] * (end.torn > 0)
        problems: list[str] = []
        if head is None and not end.line:
            known = Head()
        elif head and last and intact and last.sha256 == head.sha256:
            known = replace(head, announced='')
            if head.announced and not end.torn:
                found.append('an entry was announced, and the power failed before it was written')
        elif head and last and intact and last.sha256 == head.announced:
            known = Head(head.count + 1, last.sha256, '', *_dropped(head))
        else:
            known, problems = self._compared(head)
        for reason in found:
            known = self._repair(known, reason, 'ok')
        for reason in problems:
            known = self._repair(known, reason, 'failed')
        return known

    def _compared(self, head: Head | None) -> tuple[Head, list[str]]:
        """Reads all of a log whose end is not what its head says; returns what is wrong."""
        entries = [parse_entry(line) for line in self._files.lines(head.oldest if head else 1)[0]]
        last = entries[-1] if entries else None
        start = head or Head()
        sha256 = last.sha256 if last else '' if entries else start.dropped_sha256
        known = Head(start.dropped + len(entries), sha256, '', *_dropped(start))
        return known, missing_at_the_end(head, entries)

    def _repair(self, head: Head, reason: str, result: Result) -> Head:
        sentences = (f'{self.path}: {reason}',)
        self.repairs += sentences
        self.tampering += sentences if result == 'failed' else ()
        return self._write(head, _own_entry('repair', reason, result))[0]

    def _write(self, head: Head, entry: AuditEntry) -> tuple[Head, AuditEntry]:
        """Announces an entry, writes it and confirms it."""
        entry = entry.after_entry(head.sha256)
        self._write_head(replace(head, announced=entry.sha256))
        try:
            self._files.add(entry.line())
        except OSError as error:
            with suppress(StateError):
                self._write_head(head)
            raise cannot('be written', self.path, error) from error
        head = Head(head.count + 1, entry.sha256, '', *_dropped(head))
        with suppress(StateError):  # it is there, and was announced
            self._write_head(head)
        return head, entry

    def _rotate(self, head: Head) -> Head:
        """Sets a file aside that is large enough, and removes the oldest one of too many."""
        if self._files.end().size < self._largest:
            return head
        self._files.set_aside(head.oldest)
        older = {n: file for n, file in self._files.older().items() if n >= head.oldest}
        if len(older) <= self._kept:
            return head
        number, file = next(iter(older.items()))
        count, line = count_lines(file)
        last = parse_entry(line)
        head = replace(
            head,
            dropped=head.dropped + count,
            dropped_sha256=last.sha256 if last else '',
            oldest=number + 1,
        )
        reason = f'the oldest {count} entries were removed'
        if last:
            reason += f', up to the one of {last.time} with the sha256 {last.sha256}'
        head, _ = self._write(head, _own_entry('rotate', reason, 'ok'))
        self._remove_older_than(head.oldest)
        return head

    def _remove_older_than(self, oldest: int) -> None:
        for number, file in self._files.older().items():
            if number < oldest:
                with suppress(OSError):
                    file.unlink()

    def _write_counted(self, head: Head, now: float) -> Head:
        """Writes one entry for all refusals of a kind whose time is over."""
        known = self._refusals.read()
        left = tuple(one for one in known if not one.is_over(now))
        for one in known:
            if one.count and one not in left:
                head, _ = self._write(self._rotate(head), one.entry())
        if left != known:
            self._refusals.write(left)
        return head

    def _is_new(self, entry: AuditEntry, now: float) -> bool:
        """Counts a refusal; tells whether it is the first one of its kind."""
        known = self._refusals.read()
        after = counted(known, entry, now)
        self._refusals.write(after)
        return len(after) > len(known) and after[-1].count == 0

    def _write_head(self, head: Head) -> None:
        write_durably(self._head_file, head.data())

    def _read_head(self) -> Head | None:
        try:
            return parse_head(read_file(self._head_file, _LARGEST_HEAD))
        except (OSError, ValueError):
            return None


def _own_entry(action: str, reason: str, result: Result) -> AuditEntry:
    return AuditEntry.now('audit log', action, '', '', '', result, reason)


def _dropped(head: Head) -> tuple[int, str, int]:
    return head.dropped, head.dropped_sha256, head.oldest


def _remarks(torn: int, head: Head | None) -> tuple[str, ...]:
    remarks = []
    if torn:
        remarks.append(
            f'the last line, {torn} bytes, is unfinished, as a power cut leaves it; the next '
            'entry removes it'
        )
    if head and head.dropped:
        remarks.append(f'the oldest {head.dropped} entries were removed as the log grew')
    return tuple(remarks)
