"""The file that says which nodes run together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.errors import SettingError
from ml_integration.store.state.composition_file import NodeEntry, read_composition

SHIPPED = Path(__file__).parents[3] / 'config/composed.yaml'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'composed.yaml'


def test_the_shortest_entry_leaves_everything_to_the_node(file: Path) -> None:
    file.write_text('nodes: [{plugin: "a::B"}]')
    assert read_composition(file) == (NodeEntry('a::B'),)


def test_an_entry_can_say_everything(file: Path) -> None:
    file.write_text("""
nodes:
  - plugin: a::B
    name: b
    namespace: /front
    parameters: {flag: true, health: {ratio: 0.5, deep.er: [1, 2]}, none: []}
    remappings: {image: /front/image_raw}
    log_level: debug
    intra_process: true
  - {plugin: "a::C"}
""")
    assert read_composition(file) == (
        NodeEntry(
            'a::B',
            name='b',
            namespace='/front',
            parameters={'flag': True, 'health.ratio': 0.5, 'health.deep.er': [1, 2], 'none': []},
            remappings={'image': '/front/image_raw'},
            log_level='debug',
            intra_process=True,
        ),
        NodeEntry('a::C'),
    )


def test_the_shipped_file_has_two_cameras() -> None:
    entries = read_composition(SHIPPED)
    assert [(entry.namespace, entry.name) for entry in entries] == [
        (f'/camera_{number}', name) for number in (0, 1) for name in ('video_player', 'detector')
    ]


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('', "it is empty; it has to have the one key 'nodes', with a list of nodes below it"),
        ('nodes: [', 'line 1 is no plain YAML: '),
        ('nodes: 1\nnodes: 2', "line 2 is no plain YAML: 'nodes' is given twice"),
        ('nodes: []', "'nodes' is not valid; got []; expected a list of at least one node"),
        ('nodes: {a: 1}', "'nodes' is not valid; got {'a': 1}"),
        ('node: []', "it has to have the one key 'nodes', with a list of nodes below it"),
        ('nodes: [text]', "'nodes.0' is not valid; got 'text'; expected a mapping with plugin"),
        ('nodes: [{name: b}]', "'nodes.0.plugin' has no value; expected text"),
        ('nodes: [{plugin: b}, {plugin: 1}]', "'nodes.1.plugin' is not valid; got 1"),
        ('nodes: [{plugin: b, parameter: {}}]', "Did you mean 'parameters'?"),
        ('nodes: [{plugin: b, name: 3}]', "'nodes.0.name' is not valid; got 3; expected text"),
        ('nodes: [{plugin: b, log_level: loud}]', "got 'loud'; expected one of debug, info"),
        ('nodes: [{plugin: b, intra_process: 1}]', 'got 1; expected true or false'),
        ('nodes: [{plugin: b, remappings: [a]}]', "'nodes.0.remappings' is not valid; got ['a']"),
        ('nodes: [{plugin: b, remappings: {a: 1}}]', "'nodes.0.remappings.a' is not valid; got 1"),
        ('nodes: [{plugin: b, parameters: 1}]', "'nodes.0.parameters' is not valid; got 1"),
        ('nodes: [{plugin: b, parameters: {a: }}]', "'nodes.0.parameters.a' has no value"),
        ('nodes: [{plugin: b, parameters: {a: {c: 2026-01-01}}}]', 'nodes.0.parameters.a.c'),
        ('nodes: [{plugin: b, parameters: {a: [1, x]}}]', 'or a list of one of these'),
        ('nodes: [{plugin: b, parameters: {a: [[1]]}}]', 'or a list of one of these'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_key_and_expectation(
    text: str, sentence: str, file: Path
) -> None:
    file.write_text(text)
    with pytest.raises(SettingError) as caught:
        read_composition(file)
    assert str(caught.value).startswith(f'{file}: ')
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(SettingError, match='it cannot be read: there is no such file') as caught:
        read_composition(file)
    assert str(file) in str(caught.value)
