"""Synthetic talking people: voices, faces, scripts, labels."""

from __future__ import annotations
