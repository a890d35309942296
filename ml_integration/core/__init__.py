"""Frames, predictions and the pipeline between them; no clock, thread, file or logger."""
