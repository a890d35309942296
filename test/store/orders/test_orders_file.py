"""Orders are one signed file; what was changed in it is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from fleet_orders import give_orders
from signing import KEY, STRANGER, signed_trust

from ml_integration.errors import IntegrityError, ManifestError, SettingError
from ml_integration.store.orders.facts import Facts, read_facts, robot_facts
from ml_integration.store.orders.orders import Cohort, Criteria, Orders, Plan, Revocation
from ml_integration.store.orders.orders_file import orders_file, read_orders, write_orders
from ml_integration.store.state.node_state import Edition
from ml_integration.store.trust.policy import DIGEST

FULL = Orders(
    'm',
    7,
    Plan(
        Edition('m@4', 'c' * 64),
        'salt',
        12.5,
        (Cohort({'site': ('lab', 'hall 3'), 'hardware': ('orin',)}, 100.0),),
        datetime(2027, 1, 31, 8, tzinfo=timezone.utc),
        datetime(2027, 2, 28, 8, tzinfo=timezone.utc),
        Criteria(50, 2.5),
    ),
    'it is Sunday',
    (Revocation(Edition('m@3', 'd' * 64), 'it sees\n# signature: ghosts'),),
)


@pytest.mark.parametrize('orders', [FULL, Orders('m', 1)])
def test_what_is_written_is_read_again(store: Path, tmp_path: Path, orders: Orders) -> None:
    trust = signed_trust(tmp_path)
    read = read_orders(give_orders(store, orders), trust)
    assert read is not None and read.verified and len(read.sha256) == 64
    for name in ('model', 'counter', 'plan', 'halted', 'revoked'):
        assert getattr(read, name) == getattr(orders, name)


def test_no_file_is_no_orders(store: Path) -> None:
    assert read_orders(orders_file(store, 'm'), DIGEST) is None


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ('old', 'new', 'reason'),
    [
        ('percent: 12.5', 'percent: 99.5', 'is not for this orders'),
        ('counter: 7', 'counter: 8', 'is not for this orders'),
        ('\n# signature: {', '\n# no: {', 'the orders is not signed'),
        ('"signature": "', '"signature": "!', 'not a signature file'),
        ('"}', '"}\nrevoked: []', 'not a signature file'),
    ],
)
def test_what_a_trusted_key_did_not_sign_is_refused(
    store: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    file = give_orders(store, FULL)
    spoil(file, old, new)
    with pytest.raises(IntegrityError, match=reason):
        read_orders(file, signed_trust(tmp_path))


def test_orders_of_a_stranger_and_about_another_model_are_refused(
    store: Path, tmp_path: Path
) -> None:
    trust = signed_trust(tmp_path)
    with pytest.raises(IntegrityError, match='a key that is not trusted'):
        read_orders(write_orders(store, FULL, STRANGER), trust)
    file = write_orders(store, FULL, KEY)
    other = store / 'other' / file.name
    other.parent.mkdir()
    file.rename(other)
    with pytest.raises(ManifestError, match="'model' is not valid; got 'm'; expected other"):
        read_orders(other, trust)


@pytest.mark.parametrize(
    ('old', 'new', 'reason'),
    [
        ('counter: 7', 'counter: 0', "'counter' is not valid"),
        ('counter: 7', 'counter: .inf', "'counter' is not valid"),
        ('percent: 12.5', 'percent: 112.5', "'percent' is not valid"),
        ('percent: 12.5', 'percent: .nan', "'percent' is not valid"),
        ('percent: 12.5', 'percent: true', "'percent' is not valid"),
        ('schema: 1', 'schema: 2', "'schema' is not valid"),
        ('halted:', 'halt:', "'halt' is not valid"),
        ('candidate: m@4', 'candidate: n@4', "'model' is not valid; got 'n@4'"),
        ('candidate: m@4', 'candidate: m', "'candidate' is not valid"),
        ('digest: c', 'digest: C', "'digest' is not valid"),
        ("start: '2027-01-31T08:00:00+00:00'", 'start: soon', "'plan.start' is not valid"),
        ("start: '2027-01-31T08:00:00+00:00'", 'start: 2027-01-31', "'plan.start' is not valid"),
        ('least_robots: 50', 'least_robots: 0', 'least_robots'),
    ],
)
def test_orders_that_make_no_sense_are_refused_with_the_key(
    store: Path, old: str, new: str, reason: str
) -> None:
    file = give_orders(store, FULL)
    spoil(file, old, new)
    with pytest.raises(ManifestError, match=reason):
        read_orders(file, DIGEST)


@pytest.mark.parametrize('content', [b'', b'[]', b'a: &x [*x]', b'\xff', b'{' * 1000])
def test_what_is_no_orders_at_all_is_refused(store: Path, content: bytes) -> None:
    file = orders_file(store, 'm')
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises((ManifestError, IntegrityError)):
        read_orders(file, DIGEST)


def test_a_link_is_not_followed(store: Path, tmp_path: Path) -> None:
    file = give_orders(store, FULL)
    file.rename(tmp_path / 'elsewhere.yaml')
    file.symlink_to(tmp_path / 'elsewhere.yaml')
    with pytest.raises(IntegrityError, match='it is a link'):
        read_orders(file, DIGEST)


def test_facts_come_from_a_file_a_variable_or_the_host(tmp_path: Path) -> None:
    file = tmp_path / 'facts.yaml'
    file.write_text('robot: r17\nsite: lab\nfloor: 3\narm: true\n')
    facts = Facts('r17', {'robot': 'r17', 'site': 'lab', 'floor': '3', 'arm': 'true'})
    assert read_facts(file) == robot_facts(str(file), '/n', {}) == facts
    assert robot_facts('', '/n', {'ML_INTEGRATION_FACTS': str(file)}) == facts
    host = robot_facts('', '/n', {})
    assert host.robot and not host.values
    file.write_text('site: lab\n')
    assert read_facts(file) == Facts(host.robot, {'site': 'lab', 'robot': host.robot})


@pytest.mark.parametrize('content', ['[]', 'site: [a]', 'site:', 'a: &x b'])
def test_facts_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / 'facts.yaml'
    with pytest.raises(SettingError, match='cannot be read'):
        read_facts(file)
    file.write_text(content)
    with pytest.raises(SettingError):
        read_facts(file)
