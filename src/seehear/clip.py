"""`Clip`: one face with its audio on one clock; frame and sample rates, landmarks, the mouth square, `Region`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:  # the help of the command line needs the constants here, and quickly
    import numpy as np
    from numpy.typing import NDArray

Region = Literal["mouth", "face"]
"""Part of a canonical face crop used as input: the fixed square around the mouth, or all of it."""


FPS = 25
"""Video frames per second of every clip. Both papers and comparable work use 25."""


SAMPLE_RATE = 16_000
"""Audio samples per second of every clip."""


SAMPLES_PER_FRAME = SAMPLE_RATE // FPS  # 640: whole, so frame t begins at sample 640 t exactly


assert SAMPLES_PER_FRAME * FPS == SAMPLE_RATE


LANDMARKS = ("right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner")
"""Order of the five points; right and left are the person's own (their right eye is on the left of the image)."""


MOUTH = (0.25, 0.47, 0.75, 0.97)
"""The fixed square around the mouth in a canonical crop: left, top, right, bottom, as fractions of the crop's side."""


def mouth_slices(side: int) -> tuple[slice, slice]:
    """Return rows and columns of the mouth square in crops of an even ``side``; half as many pixels each."""
    left, top = round(MOUTH[0] * side), round(MOUTH[1] * side)
    return slice(top, top + side // 2), slice(left, left + side // 2)


@dataclass(frozen=True, slots=True)
class Clip:
    """One face with its audio.

    Audio sample n and video frame t share one clock: t / 25 s = n / 16000 s, both counted from ``start_s``.

    Attributes:
        video: RGB face crops, uint8, (T, H, W, 3), 25 per second; (T, 0, 0, 3) for audio alone
        landmarks: five points per frame in crop pixels (x, y), float32, (T, 5, 2), in the order of `LANDMARKS`; NaN for
            audio alone
        audio: float32 in [-1, 1], (T * 640,), 16 kHz, one channel
        meta: source and other metadata. Always present: ``source`` (file, as given), ``start_s`` (of frame 0, seconds
            on the source's clock) and ``track`` (number of the face track in the source, shared by the segments of one
            long track; 0 for audio alone). ``labels`` (str -> value) if the corpus has some.
    """

    video: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    audio: NDArray[np.float32]
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.video)
        if self.video.ndim != 4 or self.video.shape[-1] != 3 or self.video.dtype != "uint8":
            raise ValueError(f"clip video must be uint8 (T, H, W, 3), not {self.video.dtype} {self.video.shape}")
        if self.landmarks.shape != (frames, 5, 2):
            raise ValueError(f"clip of {frames} frames has landmarks of shape {self.landmarks.shape}")
        if self.audio.shape != (frames * SAMPLES_PER_FRAME,):
            raise ValueError(f"clip of {frames} frames has audio of shape {self.audio.shape}")

    @classmethod
    def from_audio(cls, audio: NDArray[np.float32], meta: dict[str, Any]) -> Self:
        """Return a clip without video, from audio (T * 640,)."""
        import numpy as np

        frames = len(audio) // SAMPLES_PER_FRAME
        landmarks = np.full((frames, len(LANDMARKS), 2), np.nan, dtype=np.float32)
        return cls(np.zeros((frames, 0, 0, 3), dtype=np.uint8), landmarks, audio, meta)

    @property
    def has_video(self) -> bool:
        """Whether the clip has video."""
        return bool(self.video.shape[1])

    @property
    def frames(self) -> int:
        """Length in video frames."""
        return len(self.video)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.video) / FPS
