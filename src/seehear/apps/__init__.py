"""What models are used for."""

from __future__ import annotations
