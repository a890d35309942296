"""Reads and writes orders as plain data, as a person could write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_integration.errors import ManifestError
from ml_integration.store.orders.orders import Cohort, Criteria, Orders, Plan, Revocation
from ml_integration.store.state.model_state import is_digest
from ml_integration.store.state.node_state import Edition

SCHEMA = 1
LARGEST_COUNTER = 2**53
_KEYS = {'schema', 'model', 'counter', 'plan', 'halted', 'revoked'}
_PLAN_KEYS = {'candidate', 'digest', 'salt', 'percent', 'cohorts', 'start', 'expires', 'criteria'}


def document_of(orders: Orders) -> dict[str, Any]:
    """Returns plain data; what is empty is left out."""
    document = {
        'schema': SCHEMA,
        'model': orders.model,
        'counter': orders.counter,
        'plan': _plan_document(orders.plan) if orders.plan else None,
        'halted': orders.halted,
        'revoked': [
            {'model': str(one.edition), 'digest': one.edition.digest, 'reason': one.reason}
            for one in orders.revoked
        ],
    }
    return {key: value for key, value in document.items() if value not in (None, '', [])}


def orders_of(document: Any, file: Path) -> Orders:
    """Reads plain data.

    Args:
        document: the data.
        file: where it comes from, for errors.

    Raises:
        ManifestError: a key is missing, not known or not valid.
    """
    values = _mapping(document, 'orders', file, _KEYS)
    if values.get('schema') != SCHEMA:
        raise ManifestError(file, 'schema', values.get('schema'), str(SCHEMA))
    counter = values.get('counter')
    if not isinstance(counter, int) or not 0 < counter <= LARGEST_COUNTER:
        raise ManifestError(file, 'counter', counter, f'a number from 1 to {LARGEST_COUNTER}')
    revoked = values.get('revoked', [])
    if not isinstance(revoked, list):
        raise ManifestError(file, 'revoked', revoked, 'a list')
    name = _text(values, 'model', file)
    orders = Orders(
        name,
        counter,
        _plan(values['plan'], file) if 'plan' in values else None,
        _text(values, 'halted', file, ''),
        tuple(_revocation(item, file) for item in revoked),
    )
    editions = [one.edition for one in orders.revoked]
    editions += [orders.plan.candidate] if orders.plan else []
    for edition in editions:
        if edition.name != name:
            raise ManifestError(file, 'model', str(edition), f'a version of {name}')
    return orders


def _plan_document(plan: Plan) -> dict[str, Any]:
    document: dict[str, Any] = {
        'candidate': str(plan.candidate),
        'digest': plan.candidate.digest,
        'salt': plan.salt,
        'percent': plan.percent,
        'criteria': {
            'least_robots': plan.criteria.least_robots,
            'most_taken_back_percent': plan.criteria.most_taken_back_percent,
        },
    }
    if plan.cohorts:
        document['cohorts'] = [
            {
                'when': {name: list(values) for name, values in one.when.items()},
                'percent': one.percent,
            }
            for one in plan.cohorts
        ]
    for key, time in (('start', plan.start), ('expires', plan.expires)):
        if time is not None:
            document[key] = time.isoformat()
    return document


def _plan(value: Any, file: Path) -> Plan:
    plan = _mapping(value, 'plan', file, _PLAN_KEYS)
    cohorts = plan.get('cohorts', [])
    if not isinstance(cohorts, list):
        raise ManifestError(file, 'plan.cohorts', cohorts, 'a list')
    return Plan(
        _edition(plan, 'candidate', file),
        _text(plan, 'salt', file),
        _percent(plan, 'percent', file),
        tuple(_cohort(one, file) for one in cohorts),
        _time(plan, 'start', file),
        _time(plan, 'expires', file),
        _criteria(plan.get('criteria', {}), file),
    )


def _cohort(value: Any, file: Path) -> Cohort:
    cohort = _mapping(value, 'plan.cohorts', file, {'when', 'percent'})
    when = cohort.get('when')
    if not isinstance(when, dict) or not when:
        raise ManifestError(file, 'plan.cohorts.when', when, 'facts and their values')
    facts = {str(name): _values(one) for name, one in when.items()}
    return Cohort(facts, _percent(cohort, 'percent', file))


def _values(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _criteria(value: Any, file: Path) -> Criteria:
    known = {'least_robots', 'most_taken_back_percent'}
    criteria = _mapping(value, 'plan.criteria', file, known)
    least = criteria.get('least_robots', Criteria().least_robots)
    if not isinstance(least, int) or least < 1:
        raise ManifestError(file, 'plan.criteria.least_robots', least, 'a number >= 1')
    most = {'most_taken_back_percent': Criteria().most_taken_back_percent, **criteria}
    return Criteria(least, _percent(most, 'most_taken_back_percent', file))


def _revocation(value: Any, file: Path) -> Revocation:
    revoked = _mapping(value, 'revoked', file, {'model', 'digest', 'reason'})
    return Revocation(_edition(revoked, 'model', file), _text(revoked, 'reason', file))


def _edition(values: Mapping[str, Any], key: str, file: Path) -> Edition:
    model, digest = _text(values, key, file), _text(values, 'digest', file)
    version = model.partition('@')[2]
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise ManifestError(file, key, model, 'name@version')
    if not is_digest(digest):
        raise ManifestError(file, 'digest', digest, '64 hex digits')
    return Edition(model, digest)


def _mapping(value: Any, key: str, file: Path, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(file, key, value, f'a mapping with {", ".join(sorted(known))}')
    for name in value:
        if name not in known:
            raise ManifestError(file, str(name), value[name], f'one of {", ".join(sorted(known))}')
    return value


def _text(values: Mapping[str, Any], key: str, file: Path, default: str | None = None) -> str:
    value = values.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise ManifestError(file, key, value, 'text')
    return value


def _percent(values: Mapping[str, Any], key: str, file: Path) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ManifestError(file, key, value, 'a number from 0 to 100')
    return float(value)


def _time(values: Mapping[str, Any], key: str, file: Path) -> datetime | None:
    value = values.get(key)
    if value is None:
        return None
    time = value if isinstance(value, datetime) else parsed_time(str(value))
    if time is None or time.tzinfo is None:
        expected = 'a time with its zone, such as 2027-01-31T08:00:00+00:00'
        raise ManifestError(file, f'plan.{key}', str(value), expected)
    return time


def parsed_time(text: str) -> datetime | None:
    """Reads a time as ISO 8601 writes it; None if it is none."""
    try:
        return datetime.fromisoformat(text.replace('Z', '+00:00'))
    except ValueError:
        return None
