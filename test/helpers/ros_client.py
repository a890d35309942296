"""The package's own client is the other side of nodes under test."""

from ml_integration.ros.client.client import Client, Collected

__all__ = ['Client', 'Collected']
