"""Stages that work on results before they are judged: one file per stage."""
