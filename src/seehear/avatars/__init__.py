"""Synthetic talking people: voices, faces, scripts and labels."""

from seehear.avatars.make import make_avatars

__all__ = ["make_avatars"]
