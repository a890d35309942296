"""What a frame and a prediction are. No clock, thread, file or logger of its own."""
