"""The demo: a video, a detector and what comes out of it, as real processes on real DDS."""

from ml_integration.demos.demo.command import main

__all__ = ['main']
