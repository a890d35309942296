"""Exports of other people's tools, with what these tools themselves make of pictures."""
