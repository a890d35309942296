"""Reads the state directories that were collected from many robots.

Each robot's one is a folder of its own somewhere below: its audit log and the signs of life of its
nodes. Tools such as rsync bring them together; what a robot has not sent is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ml_integration.errors import StateError
from ml_integration.store.orders.sign_of_life import FOLDER, SignOfLife, read_sign
from ml_integration.store.state.audit import AuditLog
from ml_integration.store.state.audit_entry import AuditEntry

LOG = 'audit.jsonl'


@dataclass(frozen=True, slots=True)
class Collected:
    """What one robot reports.

    Attributes:
        robot: its id; the folder's name where no node has told it.
        signs: of its nodes, the newest of each.
        entries: of its audit log, the oldest first.
        problems: what is wrong with its log, one sentence each.
    """

    robot: str
    signs: Sequence[SignOfLife]
    entries: Sequence[AuditEntry]
    problems: Sequence[str] = ()

    @property
    def last_heard(self) -> datetime | None:
        """Newest sign of life; None if there was none."""
        return max((sign.time for sign in self.signs), default=None)

    def has(self, action: str, model: str) -> bool:
        """Tells whether its log says that something was done to a model."""
        return any(
            entry.action == action and entry.model == model and entry.result == 'ok'
            for entry in self.entries
        )

    def is_revoked(self, model: str) -> bool:
        """Tells whether the robot has obeyed the revocation of a version, and no pardon since."""
        done = [
            entry.action
            for entry in self.entries
            if entry.model == model and entry.action in ('revoke', 'reinstate')
        ]
        return done[-1:] == ['revoke']

    def serves(self, model: str) -> bool:
        """Tells whether one of its nodes said last that it serves a version."""
        return any(sign.model == model for sign in self.signs)


def read_collected(folder: Path) -> Iterator[Collected]:
    """Reads the reports of all robots below a folder, by their paths.

    Raises:
        OSError: the folder cannot be read.
    """
    # A lock of the log has its name, in a folder of its own.
    logs = (file.parent for file in folder.rglob(LOG) if file.parent.name != 'locks')
    signs = (file for file in folder.rglob(FOLDER) if file.is_dir())
    for place in sorted({*logs, *(file.parent for file in signs)}):
        yield _read(place, folder)


def _read(place: Path, folder: Path) -> Collected:
    files = sorted((place / FOLDER).glob('*.json'))
    signs = [sign for file in files if (sign := read_sign(file)) is not None]
    robot = signs[0].robot if signs else str(place.relative_to(folder))
    try:
        found = AuditLog(place / LOG).examine()
    except StateError as error:
        return Collected(robot, signs, (), (str(error),))
    problems = tuple(f'{place / LOG}: {sentence}' for sentence in found.problems)
    return Collected(robot, signs, found.entries, problems)
