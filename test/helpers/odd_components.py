"""Components as a container may meet them; `register` makes them known to a process."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ml_integration.core.declaration import declared
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode

NO_NODE = 'a string'


@dataclass(frozen=True, slots=True)
class StartableParameters:
    autostart: bool = declared(False, 'Start by itself.', read_only=True)
    wait_for: str = declared('', 'File without which it does not come to configure.')


class Startable(GuardedLifecycleNode[StartableParameters]):
    """Says when it is configured and when it is released."""

    def __init__(self, **options: Any) -> None:
        super().__init__('startable', StartableParameters, options)

    def configure(self, resources: ExitStack) -> None:
        name = self.get_fully_qualified_name()
        while self.parameters.wait_for and not Path(self.parameters.wait_for).exists():
            time.sleep(0.01)
        resources.callback(print, f'{name} is released', flush=True)
        print(f'{name} is configured', flush=True)


class Unstartable(Startable):
    """Raises where nothing should."""

    def autostart(self) -> None:
        raise ZeroDivisionError('oops in autostart')


class Plain(Node):
    """Takes whatever parameters it is given, speaks on a topic and fails on request."""

    def __init__(self, **options: Any) -> None:
        self.intra_process = options.pop('intra_process', None)
        super().__init__('plain', automatically_declare_parameters_from_overrides=True, **options)
        self.create_publisher(String, 'words', 1)
        self.create_service(Trigger, '~/say', self._say)
        self.create_service(Trigger, '~/fail', self._fail)

    def _say(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.get_logger().debug('this is debug')
        self.get_logger().info('this is info')
        self.get_logger().error('this is error')
        response.message = f'intra_process={self.intra_process}'
        return response

    def _fail(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        raise ZeroDivisionError('oops in a service')


class IntraProcess(Plain):
    """Can hand messages over."""

    accepts_intra_process = True


class FailsAtOnce(Node):
    def __init__(self, **options: Any) -> None:
        raise ZeroDivisionError('oops before anything is there')


class FailsLate(Plain):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        raise ZeroDivisionError('oops when everything is there')


class Exits(Plain):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        sys.exit('enough')


POINTS = {
    'odd::Startable': 'odd_components:Startable',
    'odd::Unstartable': 'odd_components:Unstartable',
    'odd::Plain': 'odd_components:Plain',
    'odd::IntraProcess': 'odd_components:IntraProcess',
    'odd::FailsAtOnce': 'odd_components:FailsAtOnce',
    'odd::FailsLate': 'odd_components:FailsLate',
    'odd::Exits': 'odd_components:Exits',
    'odd::NoNode': 'odd_components:NO_NODE',
    'odd::NoClass': 'odd_components:Missing',
    'odd::NoModule': 'module_that_is_not_there:Missing',
}


def register(folder: Path) -> list[str]:
    """Writes the metadata of a package with these components; returns what to put on the path."""
    metadata = folder / 'odd-1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text('Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n')
    lines = (f'{name} = {value}\n' for name, value in POINTS.items())
    (metadata / 'entry_points.txt').write_text('[rclpy_components]\n' + ''.join(lines))
    return [str(folder), str(Path(__file__).parent)]
