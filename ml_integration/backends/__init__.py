"""Backends that open models as sessions: one file or package per execution engine."""
