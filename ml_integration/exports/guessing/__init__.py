"""What the inputs and outputs of a model mean, by claims, shapes and runs."""
