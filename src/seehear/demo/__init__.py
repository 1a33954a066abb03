"""A tour of the package on synthetic people."""

from __future__ import annotations
