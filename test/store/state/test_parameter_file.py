"""Which nodes a parameter file is for, as rcl decides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_integration.store.state.parameter_file import Section, read_sections, values_for

NODES = ('/eye', '/robot/eye', '/robot/arm/eye', '/robot/ear')


@pytest.mark.parametrize(
    ('name', 'reached'),
    [
        ('/**', NODES),
        ('/*', ('/eye',)),
        ('/**/eye', ('/eye', '/robot/eye', '/robot/arm/eye')),
        ('/*/eye', ('/robot/eye',)),
        ('/robot/*', ('/robot/eye', '/robot/ear')),
        ('/robot/**', ('/robot/eye', '/robot/arm/eye', '/robot/ear')),
        ('/robot/**/eye', ('/robot/eye', '/robot/arm/eye')),
        ('/**/*', NODES),
        ('eye', ('/eye',)),
        ('robot/eye', ('/robot/eye',)),
        ('/eyes', ()),
    ],
)
def test_patterns_reach_what_they_reach_in_ros(name: str, reached: tuple[str, ...]) -> None:
    assert tuple(node for node in NODES if Section(name, {}).applies_to(node)) == reached


def test_namespaces_may_be_nested_and_names_are_dotted(tmp_path: Path) -> None:
    file = tmp_path / 'p.yaml'
    file.write_text(
        '/**: {ros__parameters: {a: 1, b: 2}}\n'
        'robot:\n  eye:\n    ros__parameters: {b: 3, health: {max: 0.5}}\n'
    )
    sections = read_sections(file)
    assert [section.node for section in sections] == ['/**', '/robot/eye']
    assert values_for('/robot/eye', sections) == {'a': 1, 'b': 3, 'health.max': 0.5}
    assert values_for('/eye', reversed(sections)) == {'a': 1, 'b': 2}


@pytest.mark.parametrize('text', ['', 'just text', '[1, 2]', 'a: {b: c}', 'a: [', 'a: &x 1'])
def test_what_is_no_parameter_file_has_no_sections(text: str, tmp_path: Path) -> None:
    file = tmp_path / 'p.yaml'
    file.write_text(text)
    assert read_sections(file) == ()
    assert read_sections(tmp_path / 'missing.yaml') == ()
    assert read_sections(tmp_path) == ()
