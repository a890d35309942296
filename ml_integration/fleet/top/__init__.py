"""`ml_top`: the nodes of a robot in a terminal, as they are now."""
