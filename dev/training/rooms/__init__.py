"""Trains `models/rooms_depth`: depth in drawn rooms, seen by one camera."""
