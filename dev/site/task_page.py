"""Writes docs/tasks.md from the tasks and stages in the code: `python -m dev.site.task_page`."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_integration import ops
from ml_integration.core import plugins
from ml_integration.core.declaration import Setting, settings_of
from ml_integration.ops.picture_input import the_picture

COMMAND = 'python -m dev.site.task_page'
PAGE = Path('docs/tasks.md')
EXAMPLES = Path('config/examples')
REASONS = ('Reason', 'first_wrong')
"""Calls whose first argument is the kind of a reason against a result."""
HEAD = f"""# Tasks

<!-- Written by: {COMMAND}; do not edit. -->

A task is what a model is for: it says how outputs become results, which of these are held back,
and what is published. The manifest names it. Topics are below the node's name. `ml_model add`
finds the task of an export; [The manifest](manifest.md) has every setting, and
[Extend it](extend.md) shows how to write a task of your own.

What a node publishes on `~/overlay`; `make task-sheet` draws it anew:

![A picture for each task with what a model says of it](tasks.png)
"""
STAGES = """## Stages

A stage works on the results of a task before they are judged. The robot chooses it by a parameter
of the node, not the model.
"""
ABILITIES = {
    'draw': 'overlay',
    'rows': '`ml_model run`',
    'compare': '`ml_model run --compare`',
    'scorer': 'scores',
}
"""What a task can do beside publishing, by the method that does it."""


@dataclass(frozen=True, slots=True)
class Room:
    """Task or stage, as the page shows it."""

    kind: str
    name: str
    cls: Any

    @property
    def module(self) -> ModuleType:
        return sys.modules[self.cls.__module__]

    @property
    def settings(self) -> tuple[Setting, ...]:
        return settings_of(self.cls.Settings)


def page(root: Path) -> str:
    """The page as it should be."""
    tasks, stages = list(_own('tasks')), list(_own('stages'))
    parts = [HEAD, _overview(tasks)]
    parts += [_task(task, root) for task in tasks]
    if stages:
        parts += [STAGES]
        parts += [_stage(stage, root) for stage in stages]
    return '\n'.join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page, or only says that it is out of date; returns the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; fail on a difference')
    parser.add_argument('--root', type=Path, default=Path.cwd(), help='the folder of the package')
    options = parser.parse_args(arguments)
    file, text = options.root / PAGE, page(options.root)
    if file.is_file() and file.read_text(encoding='utf-8') == text:
        return 0
    if options.check:
        print(f'{file}: differs from the code; run: {COMMAND}', file=sys.stderr)
        return 1
    file.write_text(text, encoding='utf-8')
    print(f'wrote {file}')
    return 0


def first_arguments(cls: Any, method: str, calls: Sequence[str]) -> tuple[str, ...]:
    """Finds the constant first arguments of some calls in a method and in all that it calls.

    Functions and classes of this package are followed, as far as they are called by name.

    Args:
        cls: the class.
        method: the method's name.
        calls: names of the functions that are called.

    Returns:
        Each text once, in the order in which they are found.
    """
    found: dict[str, None] = {}
    seen: set[Any] = set()

    def look(item: Any, owner: Any) -> None:
        item = inspect.unwrap(item)
        if item in seen or not getattr(item, '__module__', '').startswith('ml_integration.'):
            return
        seen.add(item)
        names = vars(sys.modules[item.__module__])
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(item)))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if isinstance(called, ast.Name):
                text = node.args[0] if node.args else None
                if called.id in calls and isinstance(text, ast.Constant):
                    found[str(text.value)] = None
                target = names.get(called.id)
                if inspect.isfunction(target) or inspect.isclass(target):
                    look(target, target)
            elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                target = getattr(owner, called.attr, None) if called.value.id == 'self' else None
                if inspect.isfunction(target):
                    look(target, owner)

    look(getattr(cls, method), cls)
    return tuple(found)


def _own(kind: str) -> Iterator[Room]:
    """Yields the files of the package, not those of other installed packages."""
    package = importlib.import_module(f'ml_integration.{kind}')
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        yield Room(kind, module.name, plugins.load(kind, module.name))


def _overview(tasks: Sequence[Room]) -> str:
    rows = []
    for task in tasks:
        able = [word for method, word in ABILITIES.items() if hasattr(task.cls, method)]
        rows.append((f'[`{task.name}`](#{task.name})', _input(task), _topics(task),
                     ', '.join(able)))  # fmt: skip
    return _table(('task', 'input', 'publishes', 'also'), rows)


def _task(task: Room, root: Path) -> str:
    lines = [f'## {task.name}', '', _text(task.cls), '']
    for setting in task.settings:
        if about := _about_plugins(setting.rule.choices):
            lines += [f'How its outputs are read, `{setting.name}`:', '']
            lines += [_table((setting.name, 'reads'), about)]
    lines += [_settings_line(task, f'manifest.md#settings-of-{task.name}'), '']
    lines += [_held_back(task), '']
    if scores := _scores(task):
        lines += [f'Against ground truth it is scored by {", ".join(scores)}.', '']
    return '\n'.join([*lines, *_example(task, root)])


def _stage(stage: Room, root: Path) -> str:
    lines = [f'### {stage.name}', '', _text(stage.cls), '']
    if topics := _topics(stage):
        lines += [f'It publishes {topics}.', '']
    companions = getattr(stage.cls, 'companions', ())
    if isinstance(companions, tuple) and companions:
        wanted = (f'`{one.topic}` ({one.kind})' for one in companions)
        lines += [f'Beside the inputs of the model it takes {", ".join(wanted)}.', '']
    lines += [_settings_line(stage, 'parameters.md'), '']
    return '\n'.join([*lines, *_example(stage, root)])


def _input(task: Room) -> str:
    return 'one picture' if the_picture in vars(task.module).values() else 'any'


def _topics(room: Room) -> str:
    topics = getattr(room.cls, 'topics', ())
    shown = (f'`~/{one.name}` ({one.message_type.replace("/msg/", "/")})' for one in topics)
    return ', '.join(shown) if isinstance(topics, tuple) else ''


def _settings_line(room: Room, link: str) -> str:
    required = [one.name for one in room.settings if one.rule.required]
    names = list(dict.fromkeys(one.name.partition('.')[0] for one in room.settings))
    where = 'Settings' if room.kind == 'tasks' else 'Parameters'
    line = f'[{where}]({link}): {_listed(names)}' if names else f'It has no {where.lower()}'
    return f'{line}; it needs {_listed(required)}.' if required else f'{line}.'


def _held_back(task: Room) -> str:
    reasons = first_arguments(task.cls, 'validate', REASONS)
    return f'A result is held back as {_listed(reasons)}.' if reasons else 'Nothing is held back.'


def _scores(task: Room) -> tuple[str, ...]:
    scored = hasattr(task.cls, 'scorer')
    return first_arguments(task.cls, 'scorer', ('Score',)) if scored else ()


def _example(room: Room, root: Path) -> list[str]:
    files = sorted((root / EXAMPLES).glob(f'{room.name}*.yaml'))
    names = [f'{EXAMPLES}/{file.name}' for file in files]
    return [f'Parameters to start with: {_listed(names)}.', ''] if names else []


def _about_plugins(choices: Sequence[str]) -> list[tuple[str, str]]:
    """The first line of each file of a package in ops/ whose files are the choices, or nothing."""
    choices = [choice for choice in choices if choice]
    for module in pkgutil.iter_modules(ops.__path__) if choices else ():
        place = f'ops.{module.name}'
        if module.ispkg and plugins.names(place) == tuple(choices):
            files = {name: importlib.import_module(f'ml_integration.{place}.{name}')
                     for name in choices}  # fmt: skip
            return [(f'`{name}`', (file.__doc__ or '').partition('\n')[0])
                    for name, file in files.items()]  # fmt: skip
    return []


def _text(cls: Any) -> str:
    """What a class says about itself, up to its arguments."""
    text = inspect.getdoc(cls) or ''
    return text.partition('\n\nArgs:')[0].partition('\n\nAttributes:')[0]


def _listed(words: Sequence[str]) -> str:
    return ', '.join(f'`{word}`' for word in words)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


if __name__ == '__main__':
    sys.exit(main())
