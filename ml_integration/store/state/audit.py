"""Log of what was done to models, by whom and why: JSON lines, each bound to the one before.

Every entry holds the SHA-256 of its predecessor, so a line that was edited, removed, inserted or
moved breaks the chain. A chain cannot tell that its last lines are gone: the number of entries
and the last digest are kept beside the log in `<log>.head`.

That is evidence against accidents and careless hands. A person who may write both files can make
up a whole new history; against that, keep a copy of the last digest where they cannot write.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from ml_integration.errors import StateError
from ml_integration.store.files import read_file
from ml_integration.store.state.audit_chain import Head, broken_links, missing_at_the_end
from ml_integration.store.state.audit_entry import FIRST, AuditEntry, Result, parse_entry
from ml_integration.store.state.durable import (
    cannot,
    locked,
    make_folder,
    open_to_write,
    sync_folder,
    write_all,
    write_durably,
)

_LARGEST = 2**30
_LARGEST_HEAD = 2**12


class AuditLog:
    """An append-only log. Any number of processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head_file = path.with_name(f'{path.name}.head')

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

        Args:
            action: what was done, such as install, activate, swap, rollback, commit.
            actor: the node's name, or ml_model.
            model: name of the model.
            before: the version in use before; empty where that makes no sense.
            after: the version in use after it.
            result: how it ended.
            reason: why, in words.

        Returns:
            The entry as it was written.

        Raises:
            StateError: it cannot be written; the log is as it was.
        """
        entry = AuditEntry.now(actor, action, model, before, after, result, reason)
        with locked(self.path.with_name(f'{self.path.name}.lock')):
            return self._write(self._mend(), entry)

    def entries(self) -> tuple[AuditEntry, ...]:
        """Reads all entries that can be read, the oldest first.

        Raises:
            StateError: the log is there but may not be read.
        """
        parsed = (parse_entry(line) for line in self._lines()[0])
        return tuple(entry for entry in parsed if entry is not None)

    def verify(self) -> tuple[str, ...]:
        """Lists what is wrong with the log, one sentence each; empty when it is intact.

        An unfinished last line, as a power cut leaves it, is not: the next `append` removes it
        and says so in an entry of its own. Entries that are missing at the end do not get
        forgotten either: the next `append` says so for ever.

        Raises:
            StateError: the log is there but may not be read.
        """
        before = self._read_head()
        while True:
            entries = [parse_entry(line) for line in self._lines()[0]]
            after = self._read_head()
            if before == after:  # nobody appended meanwhile
                return (*broken_links(entries), *missing_at_the_end(after, entries))
            before = after

    def _mend(self) -> Head:
        """Prepares the log for the next entry; what was wrong is said in an entry."""
        lines, torn = self._lines()
        entries = [parse_entry(line) for line in lines]
        head = self._read_head()
        missing = missing_at_the_end(head, entries)
        last = entries[-1] if entries else None
        end = Head(len(entries), last.sha256 if last else '' if entries else FIRST)
        if torn:
            self._truncate(sum(map(len, lines)))
            end = self._repair(end, f'the unfinished last line, {torn} bytes, was removed', 'ok')
        for problem in missing:
            end = self._repair(end, problem, 'failed')
        if not missing and entries and head != end:
            self._write_head(end)  # never more than one entry behind, also after many power cuts
        return end

    def _repair(self, end: Head, reason: str, result: Result) -> Head:
        entry = AuditEntry.now('audit log', 'repair', '', '', '', result, reason)
        return Head(end.count + 1, self._write(end, entry).sha256)

    def _write(self, end: Head, entry: AuditEntry) -> AuditEntry:
        entry = replace(entry, previous=end.sha256)
        entry = replace(entry, sha256=entry.digest())
        try:
            make_folder(self.path.parent)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            descriptor = open_to_write(self.path, flags, 0o644)
            size = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, entry.line())
                os.fsync(descriptor)
                self._write_head(Head(end.count + 1, entry.sha256))
            except BaseException:
                os.ftruncate(descriptor, size)
                raise
            finally:
                os.close(descriptor)
            if not end.count:
                sync_folder(self.path.parent)
        except OSError as error:
            raise cannot('be written', self.path, error) from error
        return entry

    def _write_head(self, head: Head) -> None:
        write_durably(self._head_file, json.dumps(asdict(head)).encode())

    def _truncate(self, size: int) -> None:
        try:
            descriptor = open_to_write(self.path, os.O_WRONLY)
            try:
                os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot('be repaired', self.path, error) from error

    def _lines(self) -> tuple[list[bytes], int]:
        """The finished lines, and the number of bytes after them."""
        try:
            lines = read_file(self.path, _LARGEST).splitlines(keepends=True)
        except FileNotFoundError:
            return [], 0
        except OSError as error:
            raise cannot('be read', self.path, error) from error
        except ValueError as error:
            raise StateError(self.path, f'it cannot be read: {error}') from error
        torn = 0 if not lines or lines[-1].endswith(b'\n') else len(lines.pop())
        return lines, torn

    def _read_head(self) -> Head | None:
        try:
            document = json.loads(read_file(self._head_file, _LARGEST_HEAD))
        except (OSError, ValueError, RecursionError):
            return None
        match document:
            case {'count': int(count), 'sha256': str(sha256)}:
                return Head(count, sha256)
        return None
