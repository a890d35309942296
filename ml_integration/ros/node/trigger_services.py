"""Services that take their time and answer when they are done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from ml_integration.core.left_behind import join_or_leave
from ml_integration.errors import MlIntegrationError
from ml_integration.ros.node.executor import spin_once

WAIT_S = 0.2
END_S = 1.0
"""Time in which an action under way has to end when the node goes [s]."""

Action = Callable[[], str]


def serve_triggers(node: Node, actions: dict[str, Action], resources: ExitStack) -> None:
    """Offers each action as `~/<name>` (std_srvs/Trigger) of `node`.

    An action waits for a model to load, and no executor of rclpy lets a service callback wait
    without stopping everything else. So the services belong to a hidden node with a thread of
    its own; their names, which is what security policies know, are the node's.

    Args:
        node: the node whose services they are.
        actions: functions that return the sentence to answer with, or raise MlIntegrationError.
        resources: is told how to end them.
    """
    host = Node(
        f'_{node.get_name()}_triggers',
        namespace=node.get_namespace(),
        context=node.context,
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
        # rclpy does not take this service off the network when the node is destroyed.
        parameter_overrides=[Parameter('start_type_description_service', value=False)],
    )
    resources.callback(host.destroy_node)
    for name, action in actions.items():
        service = f'{node.get_fully_qualified_name()}/{name}'
        group = MutuallyExclusiveCallbackGroup()
        host.create_service(Trigger, service, _callback(action), callback_group=group)
    executor = MultiThreadedExecutor(len(actions) + 1, context=node.context)
    executor.add_node(host)
    ended = threading.Event()
    thread = threading.Thread(
        target=_spin, args=(executor, host, ended), name='ml_triggers', daemon=True
    )
    resources.callback(executor.shutdown, END_S)
    resources.callback(join_or_leave, thread, END_S, 'a service')
    resources.callback(ended.set)
    thread.start()


def _spin(executor: MultiThreadedExecutor, host: Node, ended: threading.Event) -> None:
    try:
        while not ended.is_set() and host.context.ok():
            spin_once(executor, WAIT_S)
    except ExternalShutdownException:
        pass
    except Exception:  # rclpy has no public name for what it raises when the context goes
        if host.context.ok():
            raise


def _callback(action: Action) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
    def call(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message, response.success = action(), True
        except MlIntegrationError as error:
            response.message, response.success = str(error), False
        except Exception as error:
            response.message, response.success = f'{type(error).__name__}: {error}', False
        return response

    return call
