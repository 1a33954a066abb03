"""A sync model trained further on a user's videos, and the gain measured."""

from __future__ import annotations
