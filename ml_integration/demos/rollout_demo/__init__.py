"""The rollout demo: a better version is promoted in steps, a bad one is taken back by itself."""

from ml_integration.demos.rollout_demo.command import main

__all__ = ['main']
