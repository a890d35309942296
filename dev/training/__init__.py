"""Trains the models of `models/shapes` on scenes drawn by our own code; see its README."""
