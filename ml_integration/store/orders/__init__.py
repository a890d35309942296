"""Orders of a team to all its robots: signed files that travel with the store."""
