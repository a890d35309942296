"""README and docs/ name what there is."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('*/README.md')])
LINK = re.compile(r'\]\((?!https?:)([^)#]+)[^)]*\)')
NAMES = {
    re.compile(r'ros2 run ml_integration (\w+)'): {
        point.name
        for point in entry_points(group='console_scripts')
        if point.value.startswith('ml_integration.')
    },
    re.compile(r'ros2 launch ml_integration (\S+)'): {
        file.name for file in ROOT.glob('launch/*.launch.py')
    },
    re.compile(r'`make ([a-z-]+)|^make ([a-z-]+)', re.MULTILINE): set(
        re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    ),
}
MODULE = re.compile(r'python -m ((?:ml_integration|benchmarks|dev)[\w.]*)')

documents = pytest.mark.parametrize(
    'file', DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT))
)


def test_the_readme_is_short() -> None:
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 150


@documents
def test_links_lead_somewhere(file: Path) -> None:
    missing = [link for link in LINK.findall(file.read_text())
               if not (file.parent / link).exists()]  # fmt: skip
    assert not missing


@documents
def test_programs_launch_files_and_targets_exist(file: Path) -> None:
    text = file.read_text()
    for pattern, known in NAMES.items():
        named = {match.group(match.lastindex or 0) for match in pattern.finditer(text)}
        assert named <= known


@documents
def test_modules_exist(file: Path) -> None:
    for name in MODULE.findall(file.read_text()):
        assert find_spec(name.rstrip('.')) is not None, name
