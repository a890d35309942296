"""One file or package per execution engine: bytes -> Session."""
