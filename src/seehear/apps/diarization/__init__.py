"""Who speaks when, and which face it is."""

from __future__ import annotations
