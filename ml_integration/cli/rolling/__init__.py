"""Verbs below `ml_model rollout`."""
