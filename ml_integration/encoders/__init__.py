"""One file per kind of input: frames become a tensor of the model."""
