"""Synthetic talking people: speech, faces, cameras and rooms, rendered to video files with labels."""

from __future__ import annotations
