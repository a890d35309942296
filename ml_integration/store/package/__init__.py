"""One model version as files: manifest, pins, golden sample."""
