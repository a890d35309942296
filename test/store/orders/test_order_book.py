"""A robot obeys the newest orders, remembers them, and cannot be led back to older ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fleet_orders import REASON, give_orders, halted, orders_about, revoke
from signing import STRANGER, signed_trust

from ml_integration.errors import IntegrityError, StateError
from ml_integration.store.orders.order_book import OrderBook
from ml_integration.store.state.model_store import ModelStore
from ml_integration.store.state.state_dir import StateDir
from ml_integration.store.trust.policy import DIGEST, Trust


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / 'state')


@pytest.fixture
def models(store: Path, model_folder: Callable[..., Path]) -> ModelStore:
    for version in (1, 2, 3):
        model_folder('m', version, golden=False)
    return ModelStore([store])


def book_of(store: Path, state: StateDir, trust: Trust = DIGEST) -> OrderBook:
    return OrderBook([store], state, trust, '/eye')


def barred(state: StateDir) -> list[int]:
    return [item.version for item in state.model_state('m').quarantined]


def audit(state: StateDir) -> list[tuple[str, str]]:
    return [(entry.action, entry.model) for entry in state.audit.entries()]


def test_what_is_revoked_is_quarantined_with_the_orders_as_the_reason(
    store: Path, state: StateDir, models: ModelStore
) -> None:
    revoke(store, 'm@3', counter=4)
    found = ModelStore([store], state)
    assert found.find('m').name == '3'
    assert book_of(store, state).look('m')
    assert found.find('m').name == found.find('m@latest').name == '2'
    with pytest.raises(IntegrityError, match=f'revoked by orders 4 of the fleet: {REASON}') as one:
        found.find('m@3')
    assert 'ml_model fleet reinstate m@3' in str(one.value)
    assert 'ml_model release' not in str(one.value)
    assert audit(state) == [('revoke', 'm@3')]
    assert book_of(store, state).look('m')
    assert len(audit(state)) == 1


def test_it_holds_when_the_file_is_gone_and_under_another_number(
    store: Path, state: StateDir, models: ModelStore, model_folder: Callable[..., Path]
) -> None:
    file = revoke(store, 'm@3')
    book_of(store, state).look('m')
    file.unlink()
    assert book_of(store, state).look('m') is None
    (store / 'm/3').rename(store / 'm/9')
    with pytest.raises(IntegrityError, match='revoked by orders 1'):
        ModelStore([store], state).find('m@9')
    assert ModelStore([store], state).find('m').name == '2'


def test_older_orders_are_not_obeyed_and_said(
    store: Path, state: StateDir, models: ModelStore
) -> None:
    old = revoke(store, 'm@1', counter=1).read_bytes()
    file = revoke(store, 'm@1', 'm@3', counter=2)
    book = book_of(store, state)
    book.look('m')
    file.write_bytes(old)
    assert book.look('m') is None
    assert 'orders 2 were obeyed before, and they are older' in book.problems[0]
    assert barred(state) == [1, 3]
    again = book_of(store, state)
    assert again.look('m') is None and again.problems == book.problems
    revoke(store, 'm@3', counter=3)
    assert again.look('m') and not again.problems
    assert barred(state) == [3]
    assert audit(state) == [('revoke', 'm@1'), ('revoke', 'm@3'), ('reinstate', 'm@1')]


def test_two_orders_with_one_counter_are_told_apart(
    store: Path, state: StateDir, models: ModelStore
) -> None:
    revoke(store, 'm@3', counter=5)
    book = book_of(store, state)
    book.look('m')
    revoke(store, 'm@1', counter=5)
    assert book.look('m') is None
    assert 'others with the same counter' in book.problems[0]
    assert barred(state) == [3]


def test_under_signed_only_trusted_keys_give_orders_and_nobody_else_can_outdo_them(
    store: Path, state: StateDir, models: ModelStore, tmp_path: Path
) -> None:
    trust = signed_trust(tmp_path)
    revoke(store, 'm@3')
    about = orders_about(store, 'm', 999, 'm@1', 'm@2')
    give_orders(store, about, STRANGER)
    strict = book_of(store, state, trust)
    assert strict.look('m') is None and 'not trusted' in strict.problems[0]
    assert not barred(state)
    # Somebody without the keys looks, as `ml_model activate` may: the keys still have the say.
    assert book_of(store, state).look('m')
    assert barred(state) == [1, 2]
    revoke(store, 'm@3', counter=2)
    assert strict.look('m')
    assert barred(state) == [3]
    give_orders(store, about, STRANGER)
    lax = book_of(store, state)
    assert lax.look('m') is None and 'no key vouches for them' in lax.problems[0]
    revoke(store, 'm@3', counter=2)
    assert lax.look('m'), 'the same file is obeyed, whoever reads it'
    assert barred(state) == [3]


def test_the_newest_of_several_stores_counts_and_one_bad_file_does_not_hide_it(
    store: Path, state: StateDir, models: ModelStore, tmp_path: Path
) -> None:
    other = tmp_path / 'other'
    give_orders(other, orders_about(store, 'm', 2, 'm@3'))
    bad = revoke(store, 'm@1', counter=1)
    book = OrderBook([store, other], state, DIGEST, '/eye')
    orders = book.look('m')
    assert orders is not None and orders.counter == 2
    bad.write_text('nonsense')
    orders = book.look('m')
    assert orders is not None and orders.counter == 2
    assert str(bad) in book.problems[0]


def test_a_state_that_cannot_be_written_does_not_keep_a_robot_from_obeying(
    store: Path, models: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateDir(tmp_path / 'state')
    file = revoke(store, 'm@3')
    digest = orders_about(store, 'm', 1, 'm@3').revoked[0].edition.digest
    book = book_of(store, state)
    (tmp_path / 'state').write_text('no folder')
    assert book.look('m') is None
    assert str(tmp_path / 'state') in book.problems[0]
    file.unlink()
    book.look('m')
    assert book.revocation('m', digest) is not None
    assert book.revocation('m', 'a' * 64) is None
    with pytest.raises(StateError):
        state.update_model_state('m', lambda now: now.with_floor(1))
    # When the disk answers again, it is stored.
    (tmp_path / 'state').unlink()
    revoke(store, 'm@3')
    assert book.look('m') and barred(state) == [3]


def test_a_halt_is_in_the_log_once(store: Path, state: StateDir, models: ModelStore) -> None:
    about = orders_about(store, 'm', 1, plan='m@3')
    give_orders(store, about)
    book = book_of(store, state)
    book.look('m')
    give_orders(store, halted(about, 2))
    assert book.look('m') == book.look('m')
    assert audit(state) == [('halt', 'm@3')]


def test_a_quarantine_of_this_machine_stays_its_own(
    store: Path, state: StateDir, models: ModelStore
) -> None:
    digest = orders_about(store, 'm', 1, 'm@3').revoked[0].edition.digest
    state.update_model_state('m', lambda now: now.with_quarantine(3, digest, 'a person did'))
    revoke(store, 'm@3', counter=1)
    book = book_of(store, state)
    book.look('m')
    state.update_model_state('m', lambda now: now.without_quarantine(3, digest))
    assert [item.order for item in state.model_state('m').quarantined] == [1]
    state.update_model_state('m', lambda now: now.with_quarantine(3, digest, 'a person did'))
    give_orders(store, replace(orders_about(store, 'm', 2), revoked=()))
    assert book.look('m')
    assert not barred(state)
