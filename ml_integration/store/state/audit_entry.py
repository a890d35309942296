"""Entries of the audit log, one a line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal

Result = Literal['ok', 'refused', 'failed', 'superseded']
LONGEST_FIELD = 1000
"""Characters of a field; what strangers can make longer, such as a name, is cut."""
FIRST = '0' * 64
"""Digest that the first entry gives for its missing predecessor."""
_KEYS = (
    'time', 'actor', 'action', 'model', 'from', 'to', 'result', 'reason', 'previous', 'sha256',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Entry about something that was done, or refused.

    Attributes:
        time: ISO 8601, UTC.
        actor: the node's name, or ml_model.
        action: such as install, activate, swap, rollback, commit, quarantine.
        model: its name.
        before: the version that was in use before, as text; empty where that makes no sense.
        after: the version in use after it.
        result: ok, refused, failed or superseded.
        reason: why, in words.
        previous: SHA-256 of the entry before it.
        sha256: of all the fields above.
    """

    time: str
    actor: str
    action: str
    model: str
    before: str
    after: str
    result: str
    reason: str
    previous: str = ''
    sha256: str = ''

    @staticmethod
    def now(
        actor: str, action: str, model: str, before: str, after: str, result: str, reason: str
    ) -> AuditEntry:
        """Makes an entry of this moment, not yet bound to its predecessor."""
        time = datetime.now(timezone.utc).isoformat(timespec='milliseconds')
        texts = map(_cut, (actor, action, model, before, after, result, reason))
        return AuditEntry(time, *texts)

    def after_entry(self, digest: str) -> AuditEntry:
        """Returns the same entry, bound to its predecessor by that one's digest."""
        bound = replace(self, previous=digest)
        return replace(bound, sha256=bound.digest())

    def document(self) -> dict[str, str]:
        """Returns plain data, in which `before` and `after` are called from and to."""
        values = (
            self.time, self.actor, self.action, self.model, self.before, self.after,
            self.result, self.reason, self.previous, self.sha256,
        )  # fmt: skip
        return dict(zip(_KEYS, values, strict=True))

    def digest(self) -> str:
        """Returns the SHA-256 that the entry has to have."""
        fields = {key: value for key, value in self.document().items() if key != 'sha256'}
        text = json.dumps(fields, sort_keys=True, separators=(',', ':'))
        return hashlib.sha256(text.encode()).hexdigest()

    def line(self) -> bytes:
        """Returns the line that stands in the log."""
        return json.dumps(self.document()).encode() + b'\n'


def _cut(text: str) -> str:
    left = len(text) - LONGEST_FIELD
    return text if left <= 0 else f'{text[:LONGEST_FIELD]}... ({left} more characters)'


def parse_entry(line: bytes) -> AuditEntry | None:
    """Reads the entry of a line; None if it holds none."""
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or sorted(document) != sorted(_KEYS):
        return None
    values = [document[key] for key in _KEYS]
    return AuditEntry(*values) if all(isinstance(value, str) for value in values) else None
