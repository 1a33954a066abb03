"""`embed`: features of speech, for one recording in memory or for many in a file.

What computes is imported when the functions are called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.clip import SAMPLE_RATE
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from seehear.nn.interface import SpeechEncoder


@dataclass(frozen=True)
class RecordingFeatures:
    """What an encoder made of one recording.

    Attributes:
        name: of the recording, unique among those of one file.
        features: float32 (N, width).
        rate: features a second: feature i is at i / rate seconds.
    """

    name: str
    features: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, repr=False)
class EmbedResult(Result):
    """Features that were written.

    Attributes:
        path: file or folder that they are in.
        recordings: how many gave features.
        features: how many there are in all.
        width: numbers in a feature.
        rate: features a second.
        failures: a sentence for each recording that gave none.
        cautions: sentences on some that gave features.
    """

    SHOWN = ("path", "recordings", "features", "width", "rate")

    path: Path
    recordings: int
    features: int
    width: int
    rate: int
    failures: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each recording that gave no features."""
        return self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "out": str(self.path),
            "recordings": self.recordings,
            "features": self.features,
            "width": self.width,
            "rate": self.rate,
            "failed": list(self.failures),
            "cautions": list(self.cautions),
        }

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        count = f"{self.recordings} recording{'s' if self.recordings != 1 else ''}: {self.features} features"
        text = Text(f"{count} of {self.width} numbers, {self.rate} a second, are in {self.path}")
        for caution in self.cautions:
            text.append(f"\nCaution: {caution}", style="yellow")
        return text


def embed(
    recordings: str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer],
    *,
    model: str | Path | SpeechEncoder = "sync-small",
    layer: str | None = None,
    audio_stream: str | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> RecordingFeatures:
    """Compute what an encoder of speech makes of one recording: 25 features a second, 100 for mfcc and logmel.

    Args:
        recordings: an audio or video file; or samples in memory, (N,) or (N, channels).
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub; mfcc or logmel; an encoder
            from elsewhere: python:MODULE:CALLABLE@RATE or transformers:NAME[@LAYER]; or a loaded encoder.
        layer: which layer of the encoder; by default its own choice.
        audio_stream: which stream of the file, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            a player would choose, or the first that is not silent.
        sample_rate: of samples in memory, Hz.

    Returns:
        ``features`` float32 (N, width), and their ``rate`` a second.

    Raises:
        MediaError: the file cannot be read or has no sound, or the array is no audio.
        ModelError: there is no such model or layer.
    """
    from seehear.apps.feature_files import embed_recording
    from seehear.media.audio_streams import AudioStreamChoice

    return embed_recording(recordings, model, layer, AudioStreamChoice.parse(audio_stream), sample_rate)


def write_features(
    model: str | Path | SpeechEncoder,
    files: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    layer: str | None = None,
    audio_stream: str | None = None,
    progress: Progress | None = None,
) -> EmbedResult:
    """Write speech features of recordings to a file: 25 features a second, 100 for mfcc and logmel.

    A .parquet file has a row a feature: file, time_s, f0, f1, ... A .npz file has an array (N, width) a recording, by
    its name. Anything else is a folder, with a file NAME.npy a recording. What cannot be read is recorded and left out.

    Args:
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub; mfcc or logmel; or an
            encoder from elsewhere: python:MODULE:CALLABLE@RATE or transformers:NAME[@LAYER].
        files: recordings or videos, folders of them, and corpora that "seehear prepare" has made.
        out: a .parquet file, a .npz file, or a folder.
        layer: which layer of the encoder; by default its own choice. The error for an unknown one lists them.
        audio_stream: which stream of every file, from 1, and perhaps which channel: 2 or 2:left; by default the one
            that a player would choose, or the first that is not silent.
        progress: called with the share that is done, 0 to 1, and the recording.

    Raises:
        SeehearError: nothing can be written there, or two recordings have one name.
        ModelError: there is no such model or layer.
        CorpusError: a corpus is damaged.
    """
    from seehear.apps.feature_files import embed_files
    from seehear.media.audio_streams import AudioStreamChoice

    choice = AudioStreamChoice.parse(audio_stream)
    return embed_files([Path(file) for file in files], Path(out), model, layer, choice, progress)
