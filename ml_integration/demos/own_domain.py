"""A ROS domain for a demo or a benchmark, so that it meets nobody else's nodes."""

from __future__ import annotations

import os

from ml_integration.ros.messages import fast_dds


def use_own_domain() -> None:
    """Puts this process and its children to come into a domain, with Fast DDS set for images.

    What the environment says already about domain, range and profile is left as it is.
    """
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('RCUTILS_COLORIZED_OUTPUT', '0')
    os.environ.update(fast_dds.environment())
    fast_dds.remove_stale_segments()
