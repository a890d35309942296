"""How packages come into a store and leave it."""
