"""The ml_model command, one verb per file."""
