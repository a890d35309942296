"""Tasks that make, check, publish and draw results: one file per kind of model."""
