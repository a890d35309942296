"""Plug-ins of another package than ml_integration: one of each kind."""
