"""Media files: reading, writing, face tracking and cutting clips."""

from __future__ import annotations
