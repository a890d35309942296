"""Files of one model version: manifest, pins, golden sample."""
