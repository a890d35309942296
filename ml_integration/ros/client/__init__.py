"""Nodes seen from outside: their processes, their services and what they publish."""
