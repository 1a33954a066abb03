"""The training loop, its settings, checkpoints and validation."""

from __future__ import annotations
