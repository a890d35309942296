"""Trains `models/slender_boxes` and `models/slender_masks`: one network, exported twice."""
