"""Packages' way into a store and out of it."""
