"""Where a rollout is survives the process, damage, older versions and a person's release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rollouts import CANARY, NEW, ROLLED_BACK

from ml_integration.cli.main import main
from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.history import History
from ml_integration.deploy.rollout.settling import settle
from ml_integration.deploy.rollout.steps import start
from ml_integration.store.state.node_state import Edition, NodeState, ServedModel
from ml_integration.store.state.rollout_state import Phase, RolloutState
from ml_integration.store.state.state_dir import StateDir

NODE = '/detector'


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


@pytest.fixture
def history(state: StateDir) -> Iterator[History]:
    history = History(state, NODE)
    yield history
    history.close()


def test_what_is_changed_is_on_disk_at_once(history: History, state: StateDir) -> None:
    history.rollout.change(lambda _: CANARY)
    assert state.rollout_state(NODE) == CANARY
    assert state.rollout_states() == {NODE: CANARY}


def test_a_clean_close_is_no_crash(state: StateDir) -> None:
    history = History(state, NODE)
    history.rollout.change(lambda _: CANARY)
    history.close()
    assert CANARY.running and not state.rollout_state(NODE).running


def test_without_a_rollout_nothing_is_written(state: StateDir, tmp_path: Path) -> None:
    History(state, NODE).close()
    assert not (tmp_path / 'rollouts').exists()


@pytest.mark.parametrize('content', ['', '{', '{"schema": 1}', '[]', '{"schema": 2}'])
def test_a_damaged_file_is_set_aside_and_the_rest_is_read(
    state: StateDir, tmp_path: Path, content: str
) -> None:
    served = NodeState(served=(ServedModel(Edition('m@1', 'a'), 5, proven=True),))
    state.save_node_state(NODE, served)
    state.update_rollout_state(NODE, lambda _: CANARY)
    (file,) = (tmp_path / 'rollouts').glob('*.json')
    file.write_text(content)
    history = History(StateDir(tmp_path), NODE)
    assert history.rollout.state == RolloutState()
    assert history.state.serving == 'm@1'
    assert any('rollouts' in one and 'a default is used' in one for one in history.complaints)
    history.close()


def test_a_release_on_disk_reaches_a_running_node(history: History, state: StateDir) -> None:
    history.rollout.change(lambda _: ROLLED_BACK)
    assert history.rollout.state.bar_of(NEW)
    main(['release', str(NEW), '--state-dir', str(state.path)])
    assert history.rollout.heed_releases().bar_of(NEW) is None
    assert state.rollout_state(NODE).bar_of(NEW) is None
    again = start(history.rollout.state, NEW, ROLLED_BACK.stable).state
    history.rollout.change(lambda _: again)
    assert state.rollout_state(NODE).phase is Phase.SHADOW
    assert state.rollout_state(NODE).bar_of(NEW) is None


@pytest.mark.parametrize('killed', [False, True])
def test_a_process_that_was_killed_while_it_took_back_is_settled(
    history: History, killed: bool
) -> None:
    """The state says so before it is done: the candidate may still be what serves."""
    back = ROLLED_BACK
    served = (ServedModel(back.candidate, 9), ServedModel(back.stable, 9, proven=True))
    history.change(lambda _: NodeState(served=served, stands=back.candidate))
    running = RolloutState.from_document({**back.document(), 'running': killed})
    history.rollout.change(lambda _: running)
    assert settle(history, RolloutSettings()) == ''
    serves = back.stable if killed else back.candidate  # a person may have chosen it since
    assert history.state.edition == serves
    assert history.state.stands == serves
    assert not history.rollout.state.running
