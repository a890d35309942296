"""Two nodes with one name and one state directory: the second one says so and keeps off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inference_processes import MODULE, ros_arguments, value
from ros_client import Client
from ros_processes import Process
from swapping_nodes import swapping_node, write_good_models

from ml_integration.store.state.state_dir import StateDir

SAID = 'also is /twin and keeps its state in'


def test_the_second_one_says_so_and_leaves_the_state_alone(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path, store: Path
) -> None:
    write_good_models(store)
    state = tmp_path / 'state'
    with swapping_node(tmp_path, store, name='/twin', state_dir=state, model='m@1') as first:
        first.serve()
        kept = (state / 'nodes/%2Ftwin.json').read_bytes()
        second = spawn(
            *('-m', MODULE),
            *ros_arguments(model='m@2', model_path=store, state_dir=state, autostart=True),
            *('-r', '__node:=twin', '-r', '__ns:=/'),
        )
        second.wait_for_log(SAID)
        assert f'process {first.process.pid} {SAID} {state}' in second.log
        assert 'another name or another state_dir' in second.log
        told = first.wait_for_status('model', lambda s: SAID in s.message, 'the second one')
        assert (told.level, value(told, 'model')) == (b'\x01', 'm@2')
        assert second.stop() == 0
        assert (state / 'nodes/%2Ftwin.json').read_bytes() == kept
        assert StateDir(state).node_state('/twin').serving == 'm@1'


def test_one_that_comes_after_the_other_goes_on_with_its_state(
    tmp_path: Path, store: Path, client_node: Client
) -> None:
    write_good_models(store)
    state = tmp_path / 'state'
    for run in ('one', 'two'):
        (tmp_path / run).mkdir()
        with swapping_node(
            tmp_path / run, store, name='/twin', state_dir=state, model='m@1'
        ) as node:
            node.serve()
            node.serve()
            assert SAID not in node.process.log
