"""Speakers: verification, identification, and faces matched with voices."""

from __future__ import annotations
