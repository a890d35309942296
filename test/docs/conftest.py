"""Real DDS: `ros_domain`, `spawn` and `client_node`."""

from ros_fixtures import client_node, ros_domain, spawn

__all__ = ['client_node', 'ros_domain', 'spawn']
