"""Errors of this folder: each text says what failed, where, what was expected and what to do."""


class FetchError(Exception):
    """A model or a video could not be had."""


class DarknetError(Exception):
    """A Darknet network description or its weights cannot be converted."""


class TfliteError(Exception):
    """A TensorFlow Lite model cannot be converted."""
