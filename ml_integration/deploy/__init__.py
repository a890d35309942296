"""Deployment of models: checking, loading, swapping and rolling back while frames are served."""
