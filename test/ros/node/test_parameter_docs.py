"""What people read about parameters is what the nodes declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ros_client import Client
from ros_processes import Process

from ml_integration.core.declaration import settings_of
from ml_integration.ros.node.parameter_docs import (
    NODES,
    documents,
    main,
    table,
    with_tables,
    yaml_file,
)

ROOT = Path(__file__).parents[3]


def test_the_files_of_this_repository_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['--check', '--root', str(ROOT)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize('node', NODES)
def test_a_node_takes_its_file_and_has_the_values_it_would_have_without(
    node: str, spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    file = tmp_path / 'parameters.yaml'
    file.write_text(yaml_file(node))
    rooms = {'inference_node': 'inference', 'video_player': 'video'}
    room = rooms.get(node, 'monitoring')
    module = f'ml_integration.ros.{room}.{node}'
    spawn('-m', module, '--ros-args', '--params-file', str(file))
    for setting in settings_of(NODES[node]):
        value = client_node.parameter(f'/{node}', setting.name)
        plain = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        assert (setting.name, type(value), value) == (setting.name, type(plain), plain)


def test_a_changed_line_of_the_file_reaches_the_node(
    spawn: Callable[..., Process], client_node: Client, tmp_path: Path
) -> None:
    file = tmp_path / 'parameters.yaml'
    text = yaml_file('inference_node').replace('max_drop_ratio: 0.5', 'max_drop_ratio: 0.25')
    file.write_text(text)
    spawn(
        '-m',
        'ml_integration.ros.inference.inference_node',
        '--ros-args',
        '--params-file',
        str(file),
    )
    assert client_node.parameter('/inference_node', 'health.max_drop_ratio') == 0.25


def test_the_table_names_every_parameter_with_its_default_and_range() -> None:
    lines = table('video_player').splitlines()
    assert len(lines) == 2 + len(settings_of(NODES['video_player']))
    row = next(line for line in lines if '`rate_hz`' in line)
    assert row.endswith('| only before configure |')
    assert row.startswith('| `rate_hz` | float | `0.0` | >= 0 and <= 1000 |')


def test_only_what_is_between_the_marks_changes() -> None:
    text = 'before\n<!-- parameters: video_player -->\nold\n<!-- end -->\nafter\n'
    marked = with_tables(text)
    assert marked.startswith('before\n<!-- parameters: video_player -->\n| Parameter |')
    assert marked.endswith('|\n<!-- end -->\nafter\n')
    assert with_tables(marked) == marked


def test_a_difference_fails_the_check_and_writing_heals_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'config').mkdir()
    (tmp_path / 'README.md').write_text('<!-- parameters: inference_node -->\n<!-- end -->\n')
    (tmp_path / 'NOTES.md').write_text('no table\n')
    assert main(['--check', '--root', str(tmp_path)]) == 1
    assert 'README.md: differs from parameters.py; run: python -m' in capsys.readouterr().err
    assert main(['--root', str(tmp_path)]) == 0
    assert main(['--check', '--root', str(tmp_path)]) == 0
    files = sorted(file.name for file, _ in documents(tmp_path))
    nodes = ['inference_node.yaml', 'performance_monitor.yaml', 'video_player.yaml']
    assert files == ['README.md', *nodes]


def test_a_tasks_settings_are_a_table_too() -> None:
    marked = with_tables('<!-- settings: classification -->\n<!-- end -->\n')
    assert '| `top_k` | int | `5` |' in marked
    assert 'preprocess' not in marked


def test_how_messages_become_a_tensor_is_a_table_too() -> None:
    marked = with_tables('<!-- encode: image -->\n<!-- end -->\n')
    assert '| `resize` | str | `"letterbox"` |' in marked
