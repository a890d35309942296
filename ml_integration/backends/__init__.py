"""One file per execution engine: bytes -> Session."""
