"""A camera in a process of its own; the last line of its output says how many pictures it sent.

`python -m benchmarks.camera --ros-args -p rate_hz:=30.0`
"""

from __future__ import annotations

import sys
import time

import rclpy

from ml_integration.demos.scene_camera import SceneCamera
from ml_integration.ros.node.program import run_program

SCENE = 1


def main() -> int:
    """Entry point; the parameter `rate_hz` is how many pictures there are per second."""
    return run_program(_serve)


def _serve() -> None:
    node = rclpy.create_node('camera')
    camera = SceneCamera(node, SCENE, node.declare_parameter('rate_hz', 30.0).value)
    camera.start()
    while rclpy.ok():
        time.sleep(0.1)
    camera.stop()
    print(f'sent {camera.sent}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
