"""Whether a new version of a model is as good as the one that serves: pairs in, a decision out."""
