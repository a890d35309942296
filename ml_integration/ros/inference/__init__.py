"""The node that runs a model on topics."""
