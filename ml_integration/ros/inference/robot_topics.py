"""Listens to what a robot is doing, as far as a rollout waits for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic_ns
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.subscription import Subscription
from std_msgs.msg import String

from ml_integration.core.rollout.settings import RolloutSettings
from ml_integration.deploy.rollout.robot_conditions import Robot, RobotConditions, parse_conditions
from ml_integration.deploy.rollout.robot_heard import RobotHeard
from ml_integration.deploy.rollout.steps import Gate
from ml_integration.ros.inference.retired_subscriptions import RetiredSubscriptions
from ml_integration.ros.messages.endpoint import publishers_keep
from ml_integration.ros.node import qos
from ml_integration.ros.node.lifecycle_node import GuardedLifecycleNode

LOOK_S = 0.5
"""Time between two looks at what has to be listened to [s]."""
STATE, ODOM = '~/robot_state', 'odom'
_KIND = 'std_msgs/msg/String'


class RobotTopics:
    """Subscribes to `~/robot_state` and `odom` while a rollout asks for them.

    Args:
        node: the node that subscribes.
        settings: of the rollout, as they are now.
        resources: is told how to end it.
    """

    def __init__(
        self,
        node: GuardedLifecycleNode[Any],
        settings: Callable[[], RolloutSettings],
        resources: ExitStack,
    ) -> None:
        self._node = node
        self._settings = settings
        self._heard = RobotHeard()
        self._state_topic = node.resolve_topic_name(STATE)
        self._listening: dict[str, Subscription] = {}
        self._retired = RetiredSubscriptions(node)
        resources.callback(self._end)
        timer = node.every(LOOK_S, self._look)
        resources.callback(node.destroy_timer, timer)
        self._look()

    def gate(self, settings: RolloutSettings) -> Gate:
        """Says whether the robot may take a step; any thread may ask.

        Args:
            settings: say what the robot has to be.
        """
        return self._conditions(settings).gate(self.robot(settings))

    def robot(self, settings: RolloutSettings) -> Robot:
        """Returns what is known of the robot; any thread may ask."""
        publishers = self._node.count_publishers(self._state_topic)
        return self._heard.robot(publishers, settings.robot_state, monotonic_ns())

    def _conditions(self, settings: RolloutSettings) -> RobotConditions:
        return parse_conditions(settings.only_when, self._node.get_fully_qualified_name())

    def _look(self) -> None:
        self._retired.destroy()
        conditions = self._conditions(self._settings())
        self._listen_to_state(conditions.asks_for_state)
        self._listen_to_motion(conditions.asks_for_motion)

    def _listen_to_state(self, wanted: bool) -> None:
        """Follows the publishers: many of a state publish it once and keep it for who comes."""
        if not wanted:
            self._retire(STATE)
            return
        keep = publishers_keep(self._node, self._state_topic, _KIND)
        if keep is None:
            self._heard.is_silent()
        profile = qos.sensor('sensor_data', bool(keep))
        before = self._listening.get(STATE)
        if before is None or qos.keeps(before.qos_profile) != qos.keeps(profile):
            self._retire(STATE)
            call = self._node.guarded(lambda message: self._heard.says(message.data))
            self._listening[STATE] = self._node.create_subscription(String, STATE, call, profile)

    def _listen_to_motion(self, wanted: bool) -> None:
        if not wanted:
            self._retire(ODOM)
        elif ODOM not in self._listening:
            call, profile = self._node.guarded(self._take_motion), qos.sensor('sensor_data')
            self._listening[ODOM] = self._node.create_subscription(Odometry, ODOM, call, profile)

    def _take_motion(self, message: Odometry) -> None:
        linear, angular = message.twist.twist.linear, message.twist.twist.angular
        speed = math.hypot(linear.x, linear.y, linear.z)
        angular_speed = math.hypot(angular.x, angular.y, angular.z)
        self._heard.moves(speed, angular_speed, monotonic_ns())

    def _retire(self, topic: str) -> None:
        subscription = self._listening.pop(topic, None)
        if subscription is not None:
            self._retired.add(subscription)

    def _end(self) -> None:
        for topic in list(self._listening):
            self._retire(topic)
        self._retired.destroy()
