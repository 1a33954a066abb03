"""Synthetic talking people: voices, faces, scripts and labels."""

from seehear.avatars.duets import make_duets
from seehear.avatars.make import make_avatars

__all__ = ["make_avatars", "make_duets"]
