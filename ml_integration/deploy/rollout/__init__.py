"""How a new version takes the place of another in steps: decisions only, without I/O."""
