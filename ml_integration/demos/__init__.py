"""Programs that show what the package does, and the drawn scenes they show."""
