"""The swap demo: a model is swapped, tampered with and rolled back while frames flow."""

from ml_integration.demos.swap_demo.command import main

__all__ = ['main']
