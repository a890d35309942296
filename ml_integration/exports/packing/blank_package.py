"""Makes the manifest of an empty package, with what a person has to fill in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_integration.core import plugins
from ml_integration.core.declaration import Setting, settings_of
from ml_integration.exports.asking.questions import written
from ml_integration.exports.guessing.readers import UNLABELED
from ml_integration.ops.picture_input import PreprocessSettings
from ml_integration.store.package.manifest_document import SCHEMA

_HEAD = """\
# {name}, a model of the task {task}. Fill in what is in capitals, delete what you do not need.
# 1. Put model.onnx into this folder{names}.
# 2. Look up its tensors with: ml_model inspect model.onnx
# 3. Write the files' digests with: ml_model pin {folder}
schema: {schema}
name: {name}
version: 1
description: ''          # what the model does, in one line
task: {task}
format: onnx
license: ''              # of the weights
origin: ''               # where the model comes from
files: {{}}                # ml_model pin fills it in
model: model.onnx
{labels}
inputs:
- tensor: NAME_OF_THE_INPUT
  kind: image
  topic: image           # remap it for a robot
  dtype: float32
  shape: [1, 3, HEIGHT, WIDTH]
"""
_OUTPUTS = """\
outputs:                 # all of the model's; null stands for a free dimension
- {tensor: NAME_OF_THE_OUTPUT, dtype: float32, shape: [1, SIZE]}
"""


def blank_manifest(task: str, name: str, folder: str) -> str:
    """Returns the text of a manifest.

    Args:
        task: the task's name.
        name: the model's.
        folder: of the package, as a person types it.

    Raises:
        PluginError: there is no such task.
    """
    settings = plugins.load('tasks', task).Settings
    names = ', and labels.txt with one class name per line'
    labels = 'labels: labels.txt       # one name per line'
    if task in UNLABELED:
        names = labels = ''
    head = _HEAD.format(
        name=name, task=task, folder=folder, schema=SCHEMA, labels=labels, names=names
    )
    return '\n'.join(
        [
            *(line for line in head.splitlines() if line),
            '  encode:                # how the model was trained to see pictures',
            *_lines(settings_of(PreprocessSettings), '    '),
            *_OUTPUTS.splitlines(),
            'settings:                # those of the task; what is left out has this default',
            *_lines(settings_of(settings), '  '),
            '',
        ]
    )


def _lines(settings: tuple[Setting, ...], indent: str) -> Iterator[str]:
    """Yields the settings: required ones, or else the first one, as keys, others as comments."""
    written_out = {setting.name for setting in settings if setting.rule.required}
    written_out = written_out or {setting.name for setting in settings[:1]}
    for setting in settings:
        rule = setting.rule.expected()
        about = f'{setting.rule.text}{f" ({rule})" if rule else ""}'
        mark = '' if setting.name in written_out else '# '
        value = setting.name.upper() if setting.rule.required else _default(setting.default)
        yield f'{indent}{mark}{setting.name}: {value}   # {about}'


def _default(value: Any) -> str:
    return "''" if value == '' else written(value)
