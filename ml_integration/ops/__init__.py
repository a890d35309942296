"""Array operations that tasks share: no I/O, and nothing remembered about a frame."""
