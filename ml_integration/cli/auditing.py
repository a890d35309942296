"""Writes down what a verb did, or why it refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_integration.cli.output import warn
from ml_integration.errors import MlIntegrationError, StateError
from ml_integration.store.state.audit_entry import Result
from ml_integration.store.state.state_dir import StateDir

ACTOR = 'ml_model'


@dataclass
class Record:
    """Draft of an entry of the audit log; the verb fills in what it finds out.

    Attributes:
        model: the model concerned, `name@version` if known.
        before: what was in use before.
        after: what is in use now.
        reason: anything worth knowing.
    """

    model: str
    before: str = ''
    after: str = ''
    reason: str = ''


@contextmanager
def audited(state: StateDir, action: str, model: str) -> Iterator[Record]:
    """Adds one entry to the audit log for what happens inside, whether it succeeds or not.

    A log that cannot be written does not undo what was done: a warning says so. What could not
    be understood in the state directory is told as well, and what was repaired in the log.
    """
    record = Record(model)
    try:
        yield record
    except MlIntegrationError as error:
        result: Result = 'failed' if isinstance(error, StateError) else 'refused'
        record.reason, record.after = str(error), record.before
        _append(state, action, record, result)
        raise
    else:
        _append(state, action, record, 'ok')
    finally:
        for problem in (*state.problems, *state.audit.repairs):
            warn(problem)


def _append(state: StateDir, action: str, record: Record, result: Result) -> None:
    try:
        state.audit.append(
            action,
            actor=ACTOR,
            model=record.model,
            before=record.before,
            after=record.after,
            result=result,
            reason=record.reason,
        )
    except StateError as error:
        warn(f'this is missing in the audit log: {error}')
