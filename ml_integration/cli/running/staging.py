"""Stages that work on results on the command line, as a node's parameters choose them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ml_integration.core import plugins
from ml_integration.core.abilities import Listing
from ml_integration.core.datatypes import Prediction
from ml_integration.core.declaration import build
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stage_contracts import Adding
from ml_integration.deploy.assembly import StageSettings, plugin
from ml_integration.errors import SettingError


def add_stages(parser: argparse.ArgumentParser) -> None:
    """Adds `--stage` and `--param`, read by `stages_of`."""
    parser.add_argument(
        '--stage',
        action='append',
        default=[],
        metavar='NAME',
        help='work on the results, such as tracking, as the parameter stages of a node says; '
        'may be repeated',
    )
    parser.add_argument(
        '--param',
        action='append',
        default=[],
        metavar='NAME:=VALUE',
        help='a parameter of a stage, such as tracking.lost_s:=2.0; may be repeated',
    )


def stages_of(args: argparse.Namespace) -> StageSettings:
    """Returns the settings of the chosen stages, in the order in which they work.

    Raises:
        SettingError: a stage is not there or is named twice, or a parameter is none of theirs.
        PluginError: a stage cannot be imported.
    """
    names: list[str] = args.stage
    values: dict[str, dict[str, Any]] = {name: {} for name in names}
    known = plugins.names('stages')
    for name in names:
        if name not in known or names.count(name) > 1:
            expected = f'each at most once: {", ".join(known)}'
            raise SettingError('--stage', name, expected, where='ml_model')
    for text in args.param:
        name, sign, value = text.partition(':=')
        stage, dot, key = name.partition('.')
        if not (sign and dot and stage in values):
            expected = 'NAME:=VALUE of a chosen stage, such as tracking.lost_s:=2.0'
            raise SettingError('--param', text, expected, where='ml_model')
        values[stage][key] = _value(value)
    return {
        name: build(plugin('stages', name).Settings, given, f'ml_model: {name}')
        for name, given in values.items()
    }


def listed(prediction: Prediction, pipeline: Pipeline) -> list[dict[str, Any]]:
    """Returns a result's rows with what stages add to them; none if it is held back."""
    return [
        {key: value for part in parts for key, value in asdict(part).items()}
        for parts in rows_of(prediction, pipeline)
    ]


def rows_of(prediction: Prediction, pipeline: Pipeline) -> list[tuple[Any, ...]]:
    """Returns the parts of each row: the task's own, and what each stage adds."""
    task = pipeline.task
    if not prediction.verdict.ok or not isinstance(task, Listing):
        return []
    added = [stage.additions(prediction.result) for stage in _adding(pipeline)]
    return list(zip(task.rows(prediction.result), *added, strict=True))


def kinds_of(pipeline: Pipeline) -> list[type]:
    """Returns the dataclasses of the parts of a row; none if the task knows of no rows."""
    if not isinstance(pipeline.task, Listing):
        return []
    return [pipeline.task.Row, *(stage.Addition for stage in _adding(pipeline))]


def _adding(pipeline: Pipeline) -> Iterable[Adding]:
    return (stage for stage in pipeline.stages.values() if isinstance(stage, Adding))


def _value(text: str) -> Any:
    """Reads a value as ROS does on the command line, as far as settings have such values."""
    try:
        return json.loads(text)
    except ValueError:
        return text
