"""From a network and a GPU to a paper's tables: recipes, their stages and costs."""

from __future__ import annotations
