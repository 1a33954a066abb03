"""Media files in, arrays out, and back: decoding, faces, tracks, crops, remuxing."""

from __future__ import annotations
