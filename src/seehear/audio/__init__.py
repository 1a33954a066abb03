"""Recordings, spectra, noise, augmentation and voice activity."""

from __future__ import annotations
