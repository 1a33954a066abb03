"""What is learned without labels: encoders, a batch and a loss make a pretext."""

from __future__ import annotations

from seehear.pretext.animate import AnimateModel
from seehear.pretext.interface import Pretext
from seehear.pretext.sync import SyncModel

PRETEXTS: dict[str, type[Pretext]] = {"sync": SyncModel, "animate": AnimateModel}
"""By the name that a config.json has under ``pretext``."""
