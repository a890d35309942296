"""`ml_integration_run FILE.yaml`: the nodes of a file in one process, without a launch file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from composition_interfaces.srv import LoadNode
from rclpy.logging import get_logging_severity_from_string
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

from ml_integration.errors import MlIntegrationError
from ml_integration.ros.composition.component_container import ComponentContainer
from ml_integration.ros.composition.container_parameters import Admission, FileContainerParameters
from ml_integration.ros.composition.node_options import INTRA_PROCESS
from ml_integration.ros.node.program import run_program
from ml_integration.store.state.composition_file import NodeEntry, read_composition
from ml_integration.store.state.places import share_folder

PROGRAM = 'ml_integration_run'


def load_request(entry: NodeEntry) -> LoadNode.Request:
    """Makes the request that a container would get for this node.

    ROS arguments of the command line reach it too: `-p` adds what the file leaves out.
    """
    extra = {'forward_global_arguments': True, INTRA_PROCESS: entry.intra_process}
    level = get_logging_severity_from_string(entry.log_level) if entry.log_level else 0
    return LoadNode.Request(
        package_name=entry.plugin.partition('::')[0],
        plugin_name=entry.plugin,
        node_name=entry.name,
        node_namespace=entry.namespace,
        log_level=int(level),
        remap_rules=[f'{old}:={new}' for old, new in entry.remappings.items()],
        parameters=_messages(entry.parameters),
        extra_arguments=_messages(extra),
    )


def find_file(file: Path, share: Path | None = None) -> Path:
    """Returns the file that a name means: one that is there, or else one of the package's.

    Args:
        file: as given, such as config/composed.yaml.
        share: the folder of what came with the package; None: where this one lies.
    """
    share = share or share_folder()
    if file.exists() or share is None or not (share / file).is_file():
        return file
    return share / file


def serve(given: Sequence[str]) -> None:
    """Runs the nodes of the file that the arguments name until rclpy is shut down.

    Args:
        given: the command line without the program.

    Raises:
        MlIntegrationError: the file is wrong, or a node cannot be made.
    """
    file = find_file(_parser().parse_args(remove_ros_args(given)).file)
    entries = read_composition(file)
    container = ComponentContainer(PROGRAM, FileContainerParameters)
    # Whoever wrote the file may do anything; who asks later may not.
    trusted = Admission(limits=replace(container.admission.limits, least={}, at_start=False))
    plugins = container.admission.plugins or tuple(entry.plugin for entry in entries)
    container.admission = replace(container.admission, plugins=plugins)
    try:
        for number, entry in enumerate(entries):
            try:
                container.components.load(load_request(entry), trusted)
            except MlIntegrationError as error:
                raise MlIntegrationError(str(error), where=f'{file}: nodes.{number}') from error
        container.components.tell_strangers(given)
        container.spin()
    finally:
        container.close()


def _messages(values: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description='Runs the nodes that a file describes in one process.',
        epilog='ROS arguments follow --ros-args: -p source:=video.mp4, ... They set what the file '
        'leaves out, for all nodes.',
    )
    parser.add_argument(
        'file', type=Path, help='such as config/composed.yaml, which comes with the package'
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_program(lambda: serve(given), given)


if __name__ == '__main__':
    sys.exit(main())
