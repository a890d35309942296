from __future__ import annotations

from pathlib import Path

import pytest
from node_states import node_state

from ml_integration.errors import StateError
from ml_integration.store.install.retention import outdated, reasons_to_keep
from ml_integration.store.state.model_state import ModelState
from ml_integration.store.state.node_state import Edition, NodeState, ServedModel
from ml_integration.store.state.state_dir import StateDir


def test_versions_in_use_have_a_reason_to_stay(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.update_model_state('m', lambda _: ModelState(active=5, previous=4))
    state.save_node_state('/front', node_state('m@3', True, previous='m@2'))
    state.save_node_state('/rear', node_state('other@1', False, previous='m@5'))
    state.save_node_state('/new', NodeState())
    assert reasons_to_keep(state, 'm') == {
        5: 'it is the active version',
        4: 'it is the previous version, the one a rollback returns to',
        3: 'it serves in /front',
        2: 'it precedes the one in use in /front',
    }
    assert reasons_to_keep(state, 'other') == {1: 'it serves in /rear'}
    assert reasons_to_keep(state, 'unknown') == {}


def test_what_a_start_may_fall_back_to_stays_as_well(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    served = [ServedModel(Edition('m@4'), 0), ServedModel(Edition('other@1'), 5)]
    served += [ServedModel(Edition('m@2'), 0, True), ServedModel(Edition('m@1'), 0, True)]
    state.save_node_state('/eye', NodeState(served=tuple(served), stands=Edition('m@3')))
    assert sorted(reasons_to_keep(state, 'm')) == [2, 3, 4]
    assert sorted(reasons_to_keep(state, 'other')) == [1]


def test_nothing_is_known_to_be_unused_when_the_state_cannot_be_read(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.save_node_state('/front', node_state('m@3', True))
    next((tmp_path / 'nodes').iterdir()).write_text('{')
    with pytest.raises(StateError, match='a default is used'):
        reasons_to_keep(state, 'm')


@pytest.mark.parametrize(
    ('keep', 'needed', 'expected'),
    [
        (0, (), [1, 2, 3, 10]),
        (2, (), [1, 2]),  # 3 and 10 are the newest, by number
        (2, (1,), [2]),
        (1, (1, 3), [2]),
        (9, (), []),
    ],
)
def test_what_is_neither_new_nor_needed_may_go(
    keep: int, needed: tuple[int, ...], expected: list[int]
) -> None:
    assert outdated([3, 1, 10, 2], keep, needed) == expected
