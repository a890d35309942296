"""Turns the exports of other people's tools into model packages."""
