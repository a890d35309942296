"""Exports made by the libraries that people use, with what these make of pictures."""
