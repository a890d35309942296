"""The swap demo: a model is swapped, tampered with and rolled back while frames flow."""

from ml_integration.ros.swap_demo.command import main

__all__ = ['main']
