"""Parameters of a process that loads nodes: which ones, and what those may be told."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from ml_integration.core.declaration import declared
from ml_integration.errors import SettingError
from ml_integration.ros.node.limits import Limits
from ml_integration.ros.node.parameters import AUTHORITIES, EXECUTORS
from ml_integration.store.trust.policy import POLICIES


@dataclass(frozen=True, slots=True)
class ContainerParameters:
    """Parameters of `component_container`."""

    executor: str = declared(
        'events', 'rclpy executor of all nodes in the process.', choices=EXECUTORS, read_only=True
    )
    allowed_plugins: tuple[str, ...] = declared(
        ('*',),
        'Plug-ins that may be loaded, such as ml_integration::InferenceNode or my_package::*.',
        read_only=True,
    )
    allowed_folders: tuple[str, ...] = declared(
        ('/',),
        "Files and folders that parameters of this package's nodes may name, with all that is in "
        'them; empty: none.',
        read_only=True,
    )
    integrity: str = declared(
        'digest',
        'What models have to show at least, whatever a node is loaded with.',
        choices=POLICIES,
        read_only=True,
    )
    swap_authority: str = declared(
        'parameter',
        'What may change models at most, whatever a node is loaded with.',
        choices=AUTHORITIES,
        read_only=True,
    )


@dataclass(frozen=True, slots=True)
class FileContainerParameters(ContainerParameters):
    """Parameters of `ml_integration_run`, for what is loaded besides the nodes of its file."""

    allowed_plugins: tuple[str, ...] = declared(
        (), 'Plug-ins that may be loaded later; empty: those of the file.', read_only=True
    )
    allowed_folders: tuple[str, ...] = declared(
        (),
        'Files and folders that later parameters may name, with all that is in them; empty: none.',
        read_only=True,
    )


@dataclass(frozen=True, slots=True)
class Admission:
    """Rules for who asks for nodes.

    Attributes:
        plugins: patterns of the plug-ins that may be loaded.
        limits: what their parameters are held to.
    """

    plugins: tuple[str, ...] = ('*',)
    limits: Limits = Limits()  # noqa: RUF009 - it is frozen

    def check_plugin(self, plugin: str, where: str) -> None:
        """Refuses a plug-in that may not be loaded.

        Raises:
            SettingError: it may not.
        """
        if not any(fnmatchcase(plugin, pattern) for pattern in self.plugins):
            raise SettingError(
                'plugin_name',
                plugin,
                f'one of {", ".join(self.plugins) or "none at all"}',
                where=where,
                hint="The container's parameter allowed_plugins says what may be loaded.",
            )


def admission_of(parameters: ContainerParameters) -> Admission:
    """Returns the rules that a container's parameters make."""
    least = {
        'integrity': parameters.integrity,
        'swap_authority': parameters.swap_authority,
    }
    return Admission(parameters.allowed_plugins, Limits(parameters.allowed_folders, least))
