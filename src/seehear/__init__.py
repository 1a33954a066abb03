"""seehear: learn speech and face representations from unlabelled talking-face video, and use them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from seehear.version import __version__ as __version__

_PUBLIC = {
    "adapt": "seehear.apps.adapt.adapt",
    "animate": "seehear.apps.animate",
    "benchmark": "seehear.benchmark.run",
    "calibrate": "seehear.apps.sync.calibrate",
    "corpus_info": "seehear.data.report",
    "curate": "seehear.apps.curate",
    "diarize": "seehear.apps.diarization.diarize",
    "doctor": "seehear.apps.doctor",
    "download_dataset": "seehear.data.get",
    "embed": "seehear.apps.embed",
    "evaluate": "seehear.evaluation",
    "fix_sync": "seehear.apps.sync.fix",
    "load": "seehear.models.store",
    "match": "seehear.apps.match",
    "measure_sync": "seehear.apps.sync.measure",
    "open_corpus": "seehear.data.corpus",
    "prepare": "seehear.data.prepare",
    "pretrain": "seehear.training.pretrain",
    "register": "seehear.registry",
    "synthesize_avatars": "seehear.avatars.make",
    "verify": "seehear.apps.verify",
    "verify_pairs": "seehear.apps.verify",
    "write_features": "seehear.apps.embed",
    "AdaptResult": "seehear.apps.adapt.result",
    "AnimatedVideo": "seehear.apps.animate",
    "AvatarSet": "seehear.avatars.make",
    "BenchmarkResult": "seehear.benchmark.table",
    "Clip": "seehear.clip",
    "Corpus": "seehear.data.corpus",
    "CorpusInfo": "seehear.data.report",
    "CurateResult": "seehear.apps.curate",
    "Dataset": "seehear.data.datasets",
    "Diarization": "seehear.apps.diarization.result",
    "DoctorResult": "seehear.apps.doctor",
    "DownloadResult": "seehear.data.get",
    "EmbedResult": "seehear.apps.embed",
    "Encoder": "seehear.nn",
    "EvaluationResult": "seehear.evaluation.result",
    "FixResult": "seehear.apps.sync.result",
    "Loss": "seehear.losses.base",
    "MatchRanking": "seehear.apps.match",
    "PrepareResult": "seehear.data.report",
    "PretextModel": "seehear.models.interface",
    "PretrainResult": "seehear.training.pretrain",
    "RecordingFeatures": "seehear.apps.embed",
    "Result": "seehear.results",
    "Score": "seehear.evaluation.task",
    "SeehearError": "seehear.errors",
    "SyncMeasurement": "seehear.apps.sync.result",
    "Task": "seehear.evaluation.task",
    "Verdict": "seehear.apps.sync.verdict",
    "VoiceComparison": "seehear.apps.verify",
}
"""Public name -> its module. None is imported before it is used: `import seehear` alone loads no torch. The types of
all names are in __init__.pyi."""

__all__ = [*_PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'seehear' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
