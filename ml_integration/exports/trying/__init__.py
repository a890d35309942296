"""Models on pictures: what comes of them, and whether it looks right."""
