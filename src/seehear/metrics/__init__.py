"""Metrics, confidence intervals and calibration."""

from __future__ import annotations
