"""Clips on disk: data sets, preparation, shards with a manifest, batches, downloads."""

from __future__ import annotations
