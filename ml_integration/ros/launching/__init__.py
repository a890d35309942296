"""What the package's launch files have in common."""
