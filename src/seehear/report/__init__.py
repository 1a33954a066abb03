"""HTML reports and figures."""

from __future__ import annotations
