"""Encoders that make a tensor of the model of frames: one file per kind of input."""
