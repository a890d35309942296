"""Sensors that make frames of messages: one file per message type."""
