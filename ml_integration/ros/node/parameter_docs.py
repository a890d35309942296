"""Writes what people read about parameters: `python -m ml_integration.ros.node.parameter_docs`.

The files of `config/` and the tables in Markdown files between `<!-- parameters: NODE -->`,
`<!-- settings: TASK -->` or `<!-- encode: KIND -->` and `<!-- end -->` come from the declarations
in the code.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ml_integration.core import plugins
from ml_integration.core.declaration import Setting, settings_of, type_name
from ml_integration.ros.composition.container_parameters import ContainerParameters
from ml_integration.ros.node.parameters import (
    InferenceNodeParameters,
    PerformanceMonitorParameters,
    VideoPlayerParameters,
)

NODES: dict[str, type] = {
    'inference_node': InferenceNodeParameters,
    'video_player': VideoPlayerParameters,
    'performance_monitor': PerformanceMonitorParameters,
}
PROGRAMS: dict[str, type] = {'component_container': ContainerParameters}
"""What has parameters and no file of them in config/."""
MARKED = re.compile(
    r'(<!-- (parameters|settings|encode): (\w+) -->\n).*?(<!-- end -->)', re.DOTALL
)
COMMAND = 'python -m ml_integration.ros.node.parameter_docs'
WIDTH = 99
DESCRIBED = ('Type', 'Default', 'Allowed', 'Meaning')


def yaml_file(node: str) -> str:
    """A parameter file with every parameter of a node at its default."""
    lines = [
        f'# Every parameter of {node} with its default. Written by: {COMMAND}',
        '/**:',
        '  ros__parameters:',
    ]
    section: tuple[str, ...] = ()
    for setting in settings_of(NODES[node]):
        *path, name = setting.name.split('.')
        lines += _headings(section, tuple(path))
        section = tuple(path)
        indent = '  ' * (2 + len(path))
        mark = f'{indent}# '
        lines += textwrap.wrap(
            _comment(setting), WIDTH, initial_indent=mark, subsequent_indent=mark
        )
        # Launch cannot hand an empty list to a node in a container.
        off = '# ' if setting.default == () else ''
        lines.append(f'{indent}{off}{name}: {_yaml_value(setting.default)}')
    return '\n'.join(lines) + '\n'


def table(node: str) -> str:
    """A Markdown table of the parameters of a node or a program."""
    cls = {**NODES, **PROGRAMS}[node]
    rows = [(*_described(setting), _changes(setting)) for setting in settings_of(cls)]
    return _markdown(('Parameter', *DESCRIBED, 'Changes'), rows)


def settings_table(task: str) -> str:
    """A Markdown table of what a manifest may say under `settings:` for a task."""
    return _settings_table(settings_of(plugins.load('tasks', task).Settings))


def encode_table(kind: str) -> str:
    """A Markdown table of what a manifest may say under `encode:` of an input of a kind."""
    return _settings_table(settings_of(plugins.load('encoders', kind).Settings))


def with_tables(text: str) -> str:
    """A Markdown text with every marked table brought up to date."""
    tables = {'parameters': table, 'settings': settings_table, 'encode': encode_table}

    def renew(match: re.Match[str]) -> str:
        return f'{match[1]}{tables[match[2]](match[3])}{match[4]}'

    return MARKED.sub(renew, text)


def documents(root: Path) -> Iterator[tuple[Path, str]]:
    """Yields every file below `root` that holds parameters, with the content it should have."""
    for node in NODES:
        yield root / 'config' / f'{node}.yaml', yaml_file(node)
    for file in sorted([*root.glob('*.md'), *root.glob('docs/**/*.md')]):
        text = file.read_text(encoding='utf-8')
        if MARKED.search(text):
            yield file, with_tables(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes what is out of date, or only says so; returns the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; fail on a difference')
    parser.add_argument('--root', type=Path, default=Path.cwd(), help='the folder of the package')
    options = parser.parse_args(arguments)
    outdated = [(file, text) for file, text in documents(options.root) if _differs(file, text)]
    for file, text in outdated:
        if options.check:
            print(f'{file}: differs from parameters.py; run: {COMMAND}', file=sys.stderr)
        else:
            file.write_text(text, encoding='utf-8')
            print(f'wrote {file}')
    return 1 if options.check and outdated else 0


def _headings(old: tuple[str, ...], new: tuple[str, ...]) -> list[str]:
    shared = 0
    while shared < min(len(old), len(new)) and old[shared] == new[shared]:
        shared += 1
    return [f'{"  " * (2 + depth)}{new[depth]}:' for depth in range(shared, len(new))]


def _comment(setting: Setting) -> str:
    notes = filter(None, (setting.rule.expected(), _changes(setting)))
    return f'{setting.rule.text} ({", ".join((type_name(setting.type), *notes))})'


def _settings_table(settings: Iterable[Setting]) -> str:
    return _markdown(('Setting', *DESCRIBED), [_described(setting) for setting in settings])


def _described(setting: Setting) -> tuple[str, ...]:
    return (
        f'`{setting.name}`',
        type_name(setting.type),
        'required' if setting.rule.required else f'`{_yaml_value(setting.default)}`',
        setting.rule.expected(),
        setting.rule.text,
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(
        '| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n' for line in lines
    )


def _changes(setting: Setting) -> str:
    if setting.rule.read_only:
        return 'only at start'
    when = 'only before configure' if setting.rule.at_configure else 'at any time'
    return f'{when}, if swap_authority allows it' if setting.rule.decides_what_runs else when


def _yaml_value(value: Any) -> str:
    """A scalar or a list of scalars; JSON is YAML too, and strings stay strings."""
    return json.dumps(value, ensure_ascii=False)


def _differs(file: Path, text: str) -> bool:
    return not file.is_file() or file.read_text(encoding='utf-8') != text


if __name__ == '__main__':
    sys.exit(main())
