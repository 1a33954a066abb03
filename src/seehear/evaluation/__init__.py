"""The registry of tasks, `evaluate`."""

from __future__ import annotations
