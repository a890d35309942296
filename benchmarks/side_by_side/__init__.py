"""The package's nodes beside the node that everyone writes, in one run."""
