"""Probes: what is trained on frozen features, from a linear model to CTC."""

from __future__ import annotations
