"""Lip-sync: the delay measured, explained, calibrated and fixed."""

from __future__ import annotations
