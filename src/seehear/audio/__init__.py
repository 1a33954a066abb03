"""Audio features, augmentation, simulated recording and voice activity."""

from __future__ import annotations
