"""Reads what was decided about rollouts from the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from ml_integration.deploy.rollout.settling import ACTION
from ml_integration.store.state.audit_entry import AuditEntry


def decisions(
    entries: Iterable[AuditEntry], node: str = '', model: str = ''
) -> tuple[AuditEntry, ...]:
    """Returns the entries about rollouts.

    Args:
        entries: of the log, the oldest first.
        node: full name of whose decisions; empty: of all nodes.
        model: `name@version` of the candidate; empty: of all.
    """
    return tuple(
        entry
        for entry in entries
        if entry.action == ACTION
        and (entry.actor == node or (not node and entry.actor.startswith('/')))
        and model in ('', entry.model)
    )
