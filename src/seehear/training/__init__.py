"""Training: options, loop, checkpoints and validation."""

from __future__ import annotations
