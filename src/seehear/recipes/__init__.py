"""Recipes: fetch data, pretrain and evaluate in one command."""

from __future__ import annotations
