"""What is learned without labels: encoders, a batch and a loss make a pretext."""

from __future__ import annotations

from seehear.pretext.animate import AnimateModel
from seehear.pretext.apc import APCModel
from seehear.pretext.cpc import CPCModel
from seehear.pretext.disentangle import DisentangleModel
from seehear.pretext.interface import Pretext
from seehear.pretext.joint import JointModel
from seehear.pretext.match import MatchModel
from seehear.pretext.sync import SyncModel

_MODELS: tuple[type[Pretext], ...] = (
    SyncModel,
    AnimateModel,
    APCModel,
    CPCModel,
    MatchModel,
    JointModel,
    DisentangleModel,
)

PRETEXTS: dict[str, type[Pretext]] = {pretext.name: pretext for pretext in _MODELS}
"""By the name that a config.json has under ``pretext``."""
