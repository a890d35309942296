"""Measures how good results are, where the truth is known."""
