"""Measures the transport between camera and node, for `ml_tune --transport`."""
