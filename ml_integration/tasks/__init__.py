"""One file per kind of model: preprocess, postprocess, validate, encode, draw."""
