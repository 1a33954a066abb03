"""Numbers in, numbers out: scores, detection errors, bootstrap intervals, calibration."""

from __future__ import annotations
