"""Registry of models."""

from __future__ import annotations

from seehear.models.animate import AnimateModel
from seehear.models.audio_only import APCModel, CPCModel
from seehear.models.disentangle import DisentangleModel
from seehear.models.interface import PretextModel
from seehear.models.joint import JointModel
from seehear.models.match import MatchModel
from seehear.models.sync import SyncModel

_MODELS: tuple[type[PretextModel], ...] = (
    SyncModel,
    AnimateModel,
    APCModel,
    CPCModel,
    MatchModel,
    JointModel,
    DisentangleModel,
)


MODELS: dict[str, type[PretextModel]] = {pretext.name: pretext for pretext in _MODELS}
"""Model classes by the value of ``pretext`` in config.json."""
