"""Which probe goes with which pretext."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seehear.corpus.views import ClipViews
from seehear.pretext.interface import Pretext
from seehear.training.animate_probe import animate_probe
from seehear.training.joint_probe import joint_probe
from seehear.training.loss_probe import loss_probe
from seehear.training.match_probe import match_probe
from seehear.training.options import DataOptions
from seehear.training.probe import Probe
from seehear.training.sync_probe import sync_probe

MakeProbe = Callable[[ClipViews, Any, DataOptions], Probe | None]
"""(development clips, the model, how many and how long) -> the probe; None where no clip can be measured."""

PROBES: dict[str, MakeProbe] = {
    "sync": sync_probe,
    "animate": animate_probe,
    "match": match_probe,
    "joint": joint_probe,
    "disentangle": joint_probe,
}
"""By the pretext's name; those that are not here show their loss."""


def make_probe(views: ClipViews, model: Pretext, data: DataOptions) -> Probe | None:
    """The probe of a pretext over development clips."""
    return PROBES.get(model.name, loss_probe)(views, model, data)
