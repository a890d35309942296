"""Real DDS: `ros_domain`, `spawn` and `client_node`; and `dev`, which is not installed."""

import sys
from pathlib import Path

from ros_fixtures import client_node, ros_domain, spawn

# Last, so that it is the installed package that is tested where there is one.
sys.path.append(str(Path(__file__).parents[2]))

__all__ = ['client_node', 'ros_domain', 'spawn']
