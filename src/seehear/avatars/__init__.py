"""(docstring, public names)."""

from __future__ import annotations
