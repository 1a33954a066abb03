"""(public blocks)."""

from __future__ import annotations
