"""Which model serves a frame, and how a model comes to serve."""
