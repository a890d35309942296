"""Checks that results and stages of a node agree: with its model, one another, the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ml_integration.core.contracts import Task
from ml_integration.core.pipeline import Pipeline
from ml_integration.core.stage_contracts import Companion, Stage
from ml_integration.errors import ModelMismatchError, SwapError
from ml_integration.store.package.manifest import Manifest


def check_topics(manifest: Manifest, task: Task, stages: Mapping[str, Stage]) -> None:
    """Checks that each topic of results is published by one alone.

    Raises:
        ModelMismatchError: it is not.
    """
    publishers: dict[str, Task | Stage] = {manifest.task: task, **stages}
    pairs = ((topic.name, name) for name, one in publishers.items() for topic in one.topics)
    _check_alike(manifest, 'results', pairs)


def check_results(serving: Pipeline, new: Pipeline) -> None:
    """Checks that two models give results on the same topics, which are fixed while a node runs.

    Raises:
        SwapError: they do not, such as a classifier with other heads.
    """
    shown = [sorted(f'~/{topic.name}' for topic in one.topics) for one in (serving, new)]
    if {*serving.topics} != {*new.topics}:
        raise SwapError(
            f'{new.model.identity} cannot take the place of {serving.model.identity}: it '
            'publishes other results',
            got=', '.join(shown[1]),
            expected=', '.join(shown[0]),
            hint=f'Start another inference_node with -p model:={new.model.identity} for it.',
        )


def companions_of(manifest: Manifest, stages: Mapping[str, Stage]) -> tuple[Companion, ...]:
    """Returns what stages want beside the inputs, each once.

    Raises:
        ModelMismatchError: a name or topic has another meaning for the model or another stage.
    """
    wanted = dict.fromkeys(one for stage in stages.values() for one in stage.companions)
    _check_alike(manifest, 'messages', ((one.name, str(one)) for one in wanted))
    _check_alike(manifest, 'messages', ((one.topic, str(one)) for one in wanted))
    taken = {name for item in manifest.sensor_inputs for name in (item.tensor, item.topic)}
    for companion in wanted:
        if taken & {companion.name, companion.topic}:
            raise ModelMismatchError(
                str(manifest.identity),
                'a stage wants messages under a name that an input of the model has',
                f"'{companion.name}' on the topic '{companion.topic}'",
                'another name and topic of the input',
                "Rename the input's topic in the manifest.",
            )
    return tuple(wanted)


def _check_alike(manifest: Manifest, what: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Checks that whatever has one name is the same.

    Args:
        manifest: of the model.
        what: is named, in words.
        pairs: names, each with what somebody means by it.
    """
    meanings: dict[str, str] = {}
    for name, meaning in pairs:
        other = meanings.setdefault(name, meaning)
        if other != meaning:
            raise ModelMismatchError(
                str(manifest.identity),
                f"'{name}' means different {what} to two of its task and stages",
                f'{other}, and {meaning}',
                'stages that agree',
                'Remove one of the stages of this node.',
            )
