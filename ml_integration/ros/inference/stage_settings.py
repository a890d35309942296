"""Settings of the stages of a node, which are its parameters."""

from __future__ import annotations

from contextlib import suppress

from ml_integration.core import plugins
from ml_integration.deploy.assembly import StageSettings, plugin
from ml_integration.errors import SettingError
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode
from ml_integration.ros.node.parameters import InferenceNodeParameters

InferenceLikeNode = GuardedLifecycleNode[InferenceNodeParameters]


def declare_stages(node: InferenceLikeNode) -> None:
    """Makes the settings of the chosen stages parameters of the node.

    Those of this package are from the start. What is installed besides is looked through only if
    it is asked for, which takes time. A stage that cannot be had is told of by `stage_settings`.

    Raises:
        SettingError: a value from a file or the command line is not allowed.
    """
    parameters = node.parameters
    for name in parameters.stages:
        if hasattr(parameters, name) or name in node.sections:
            continue
        settings = None
        with suppress(Exception):  # whatever the import of somebody's module raises
            settings = plugin('stages', name).Settings
        if settings is not None:
            node.declare_section(name, settings)


def stage_settings(node: InferenceLikeNode) -> StageSettings:
    """Returns the settings of each chosen stage, in the order in which they work.

    Raises:
        SettingError: a stage is not there, is named twice or like another parameter, or a value
            is not allowed.
        PluginError: a stage cannot be imported.
    """
    declare_stages(node)
    parameters, found = node.parameters, {}
    for name in parameters.stages:
        if parameters.stages.count(name) > 1 or name not in plugins.names('stages'):
            expected = f'each at most once: {", ".join(plugins.names("stages"))}'
            raise _refused(node, expected)
        kind = plugin('stages', name).Settings
        settings = getattr(parameters, name, None) or node.sections[name]
        if not isinstance(settings, kind):
            raise _refused(node, f"another name than '{name}', which is a parameter of the node")
        found[name] = settings
    return found


def _refused(node: InferenceLikeNode, expected: str) -> SettingError:
    where = node.get_fully_qualified_name()
    return SettingError('stages', list(node.parameters.stages), expected, where=where)
