"""The demo: a video and a detector as real processes on real DDS."""

from ml_integration.demos.demo.command import main

__all__ = ['main']
