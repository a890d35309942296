"""Builds the environment that the Makefile's targets run in."""
