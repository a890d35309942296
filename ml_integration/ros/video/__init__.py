"""The node that plays a video onto a topic."""
