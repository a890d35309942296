"""Messages on their way in and out, and the endpoints they travel between."""
