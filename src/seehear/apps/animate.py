"""`animate`: a still face speaks.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.parallel_files import PathLike
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from seehear.models.animate import AnimateModel


DEFAULT_MODEL = "animate-small"


DEFAULT_STRENGTH, STRONGEST = 2.0, 5.0


@dataclass(frozen=True, repr=False)
class AnimatedVideo(Result):
    """A video that was written.

    Attributes:
        path: of the video.
        seconds: its length.
        size: its width and height in pixels.
        faces: how many faces there were in the picture; the largest speaks.
        detector: name of the face detector.
        cautions: what the user should know of the picture and the sound, a sentence each.
    """

    path: Path
    seconds: float
    size: tuple[int, int]
    faces: int
    detector: str
    cautions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "file": str(self.path),
            "seconds": round(self.seconds, 3),
            "width": self.size[0],
            "height": self.size[1],
            "fps": FPS,
            "faces": self.faces,
            "detector": self.detector,
            "cautions": list(self.cautions),
        }

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        who = f"; of {self.faces} faces the largest speaks" if self.faces > 1 else ""
        size = f"{self.size[0]} x {self.size[1]} pixels, {FPS} a second"
        text = Text(f"{self.path}: {self.seconds:.2f} s, {size}; face found by {self.detector}{who}")
        for caution in self.cautions:
            text.append(f"\nCaution: {caution}", style="yellow")
        return text


def animate(
    face: PathLike | NDArray[np.uint8],
    speech: PathLike | NDArray[np.floating] | NDArray[np.integer],
    *,
    out: PathLike = "animated.mp4",
    model: str | Path | AnimateModel = DEFAULT_MODEL,
    face_only: bool = False,
    strength: float = DEFAULT_STRENGTH,
    audio_stream: str | None = None,
    detector: Path | None = None,
    sample_rate: int = SAMPLE_RATE,
    progress: Progress | None = None,
) -> AnimatedVideo:
    """Make a still face speak.

    Writes an MP4 file (H.264, AAC) that browsers play. The face moves where the model has learned that faces move; the
    rest of the picture stays as it is.

    Args:
        face: a picture of a face, or a video, whose first frame is taken; or a picture in memory, RGB uint8 (H, W, 3).
        speech: a recording, or a video with sound, of any length; or samples in memory, (N,) or (N, channels).
        out: the video to write; replaced if it exists.
        model: folder of a run of an animate preset, name of a model, hf:owner/name on the Hugging Face hub, or a
            loaded model.
        face_only: write the face alone, 256 x 256 pixels.
        strength: factor on every movement, 0 to 5; 1 is what was learned. Where an L1 loss is unsure it draws the
            average of what might be, so people look livelier at 2.
        audio_stream: which stream of the speech file, from 1, and perhaps which channel: 2 or 2:left; by default the
            one that a player would choose, or the first that is not silent.
        detector: YuNet's .onnx file; by default the cached one, or downloaded.
        sample_rate: of samples in memory, Hz.
        progress: called with the share that is done, 0 to 1, and the frames a second.

    Raises:
        SeehearError: no such strength, or no such stream of sound.
        MediaError: a file cannot be read or written, there is no face, or no speech.
        ModelError: there is no such model, or it has not learned to animate.
    """
    if not 0 <= strength <= STRONGEST:
        raise SeehearError(f"--strength must be from 0 to {STRONGEST}, not {strength}")
    from seehear.apps.talking_face import write_talking_face
    from seehear.media.audio_streams import AudioStreamChoice

    choice = AudioStreamChoice.parse(audio_stream)
    return write_talking_face(
        face, speech, Path(out), model, face_only, strength, choice, detector, sample_rate, progress
    )
