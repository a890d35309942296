"""The monitor demo: darkness falls on a running camera, and everybody who watches says so."""

from ml_integration.demos.monitor_demo.command import main

__all__ = ['main']
