"""(public name)."""

from __future__ import annotations
