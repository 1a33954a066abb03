"""Cut a video into clips in one pass: one clip for each segment of each face."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS, Clip
from seehear.errors import SeehearError
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.crops import TrackCropper, TrackSegment, face_matrices, template_in, whole_frame_matrix
from seehear.media.decode import MediaFile, open_media
from seehear.media.face_detector import Box, Detector, Face, FaceSearch, load_detector
from seehear.media.picture import Picture
from seehear.media.sound import Sound, read_sound
from seehear.media.still import correct_orientation, describe_rotation
from seehear.media.tracks import Track, Tracker, split_shots

MAX_GAP = FPS
"""A face that is not detected for longer than a second has gone; shorter gaps are bridged. Together with the smoothing
radius this limits the frames held in memory: about 40, or 15 while all faces are detected."""


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """How to cut clips from a video.

    Attributes:
        faces: "yunet" detects and tracks faces; "whole-frame" treats each frame as the crop of one face, for videos
            that are already cropped
        detector: file of the YuNet network; by default see `seehear.media.face_detector.load_detector`
        size: side of the square crops, px; even, 32 to 1024
        detect_every: detect faces in every n-th frame (at 25 frames/s)
        min_seconds: drop shorter tracks
        max_seconds: cut longer tracks into contiguous clips; at least twice ``min_seconds``
        sound: audio stream to use; by default see `seehear.media.sound.read_sound`
    """

    faces: Literal["yunet", "whole-frame"] = "yunet"
    detector: Path | None = None
    size: int = 128
    detect_every: int = 5
    min_seconds: float = 0.4
    max_seconds: float = 10.0
    sound: AudioStreamChoice | None = None

    def __post_init__(self) -> None:
        if self.faces not in ("yunet", "whole-frame"):
            raise SeehearError(f"faces must be 'yunet' or 'whole-frame', not {self.faces!r}.")
        if not 32 <= self.size <= 1024 or self.size % 2:
            raise SeehearError(f"size must be an even number of pixels from 32 to 1024, not {self.size}.")
        if not 1 <= self.detect_every <= FPS:
            raise SeehearError(f"detect_every must be 1 to {FPS} frames, not {self.detect_every}.")
        if not self.min_seconds >= 1 / FPS:
            raise SeehearError(f"min_seconds must be at least one frame ({1 / FPS} s), not {self.min_seconds}.")
        if not 2 * self.min_seconds <= self.max_seconds <= 600:
            raise SeehearError(
                f"max_seconds must be from twice min_seconds ({2 * self.min_seconds:g}) to 600, not {self.max_seconds}."
            )


@dataclass(slots=True)
class ClipStats:
    """Statistics of one pass over a video; complete when all clips have been read.

    Attributes:
        pictures: frames of the video at 25/s
        looked_at: frames searched for faces
        with_face: searched frames with at least one face
        shots: number of shots
        tracks: face tracks that gave clips
        clips: number of clips
        false_alarms: faces detected in one frame only, or never with a good score
        too_short: tracks shorter than ``min_seconds``
        longest_dropped_s: length of the longest of these
        min_seconds: the option
        turns: clockwise quarter turns applied to the frames because faces were not upright
    """

    pictures: int = 0
    looked_at: int = 0
    with_face: int = 0
    shots: int = 0
    tracks: int = 0
    clips: int = 0
    false_alarms: int = 0
    too_short: int = 0
    longest_dropped_s: float = 0.0
    min_seconds: float = 0.4
    turns: int = 0

    @property
    def cautions(self) -> tuple[str, ...]:
        """Warnings for the user about face detection, one sentence each."""
        return (describe_rotation(self.turns),) if self.turns else ()

    def empty_reason(self) -> str | None:
        """Explain why there is no clip; None if there is one."""
        frames = f"{self.pictures} frame{'s' * (self.pictures > 1)}"
        if self.clips:
            return None
        if not self.pictures:
            return "there is no video"
        if self.too_short or not self.looked_at:
            return f"the longest face track is {self.longest_dropped_s:.2f} s, shorter than {self.min_seconds:g} s"
        if not self.with_face:
            return f"no face found in {frames}"
        if self.with_face == 1:
            return f"a face was detected in only 1 of {frames}"
        return f"faces were detected now and then, but none could be tracked through {frames}"


@dataclass(frozen=True, slots=True)
class TrackedClip:
    """A clip and the position of its face in the video.

    Attributes:
        clip: the clip, with audio
        boxes: float32 (T, 4): left, top, width, height of the area shown by the clip, px of the frame
        shot: number of the shot, from 0
    """

    clip: Clip
    boxes: NDArray[np.float32]
    shot: int


class ClipReader:
    """The clips of a video file, ordered by start time; a context manager and an iterable.

    The frames are decoded once, as a stream, so memory does not grow with the length of the video. Segments of one
    track share ``meta["track"]`` (a number, from 0) and are contiguous. The order of clips with the same start is
    arbitrary but deterministic. A file without video gives no clips; one without audio gives silent clips (see
    ``media``).

    Attributes:
        media: the open file
        sound: its audio, decoded on first use
        detector: the face detector, loaded on first use; None for whole frames
        stats: statistics of the latest iteration

    Raises:
        MediaError: the file cannot be read (on entering or while iterating)
        ModelError: there is no face detector
    """

    needs_pictures: ClassVar[bool] = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        options: ClipOptions | None = None,
        *,
        threads: int = 0,
        delay_s: float = 0.0,
    ) -> None:
        """Set up the reader; nothing is opened yet.

        Args:
            path: a local video file
            options: how to cut clips
            threads: decoder threads; 0 uses all cores. Worker processes use 1.
            delay_s: delay of the audio to remove (s); negative if the audio is early
        """
        self.path = path
        self.options = options or ClipOptions()
        self.stats = ClipStats(min_seconds=self.options.min_seconds)
        self._threads = threads
        self._delay_s = delay_s

    @cached_property
    def media(self) -> MediaFile:
        return open_media(self.path, threads=self._threads)

    @cached_property
    def sound(self) -> Sound:
        return read_sound(self.path, self.media.zero, self.options.sound)

    @cached_property
    def detector(self) -> Detector | None:
        return None if self.options.faces == "whole-frame" else load_detector("yunet", self.options.detector)

    @property
    def detector_name(self) -> str | None:
        """Name and version of the face detection network; None for whole frames."""
        return self.detector.name if self.detector else None

    def __enter__(self) -> Self:
        _ = self.media
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.media.close()

    def __iter__(self) -> Iterator[Clip]:
        for sighting in self.tracked_clips():
            yield sighting.clip

    def tracked_clips(self) -> Iterator[TrackedClip]:
        """Iterate over the clips with their positions in the frame."""
        self.stats = ClipStats(min_seconds=self.options.min_seconds)
        numbers: dict[Track, int] = {}
        for piece in self._pieces():
            number = numbers.setdefault(piece.track, len(numbers))
            yield TrackedClip(self._clip(piece, number), piece.boxes, piece.shot)

    def _pieces(self) -> Iterator[TrackSegment]:
        """Iterate over the segments of all tracks, ordered by start."""
        video = self.media.video
        if video is None:
            return
        source: _FaceFollower | _WholeFrames
        if self.detector is None:
            source = _WholeFrames((video.height, video.width), self.options.size)
        else:
            source = _FaceFollower(self.detector, self.options.size, self.stats)
        shots = split_shots(self.media.pictures())
        if self.detector is not None:
            shots = correct_orientation(shots, self.detector, self._turn)
        yield from _VideoPass(source, self.options, self.stats).run(shots)

    def _turn(self, turns: int) -> None:
        self.stats.turns = turns

    def _clip(self, piece: TrackSegment, track: int) -> Clip:
        start_s, stop_s = piece.start / FPS, (piece.start + len(piece.video)) / FPS
        meta = {"source": str(self.path), "start_s": start_s, "track": track}
        audio = self.sound.between(start_s + self._delay_s, stop_s + self._delay_s)
        return Clip(piece.video, piece.landmarks, audio, meta)


class _FaceFollower:
    """Track faces in a stream of frames."""

    def __init__(self, detector: Detector, size: int, stats: ClipStats) -> None:
        self._search = FaceSearch(detector)
        self._tracker = Tracker(self._look, max_gap=MAX_GAP)
        self._pictures: Mapping[int, Picture] = {}
        self._size = size
        self._stats = stats

    @property
    def tracks(self) -> list[Track]:
        return self._tracker.tracks

    def step(self, index: int, pictures: Mapping[int, Picture]) -> None:
        """Process a frame; ``pictures`` also holds all frames since the last step."""
        self._pictures = pictures
        detected = self._search.find(pictures[index], [track.last.box for track in self.tracks])
        self._stats.looked_at += 1
        self._stats.with_face += bool(detected)
        self._tracker.step(index, detected)

    def cut(self) -> None:
        """End the shot and all its tracks."""
        self._search.new_shot()
        self._tracker.cut()

    def matrices(self, landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        return face_matrices(landmarks, self._size)

    def _look(self, index: int, near: Sequence[Box]) -> list[Face]:
        return self._search.find_near(self._pictures[index], near)


class _WholeFrames:
    """One track per shot, whose "face" is the whole frame."""

    def __init__(self, shape: tuple[int, int], size: int) -> None:
        self.tracks: list[Track] = []
        self._matrix = whole_frame_matrix(shape, size)
        landmarks = (template_in(size) - self._matrix[:, 2]) / self._matrix.diagonal()
        self._face = Face(np.array([0, 0, shape[1], shape[0]], np.float32), landmarks.astype(np.float32), 1.0)

    def step(self, index: int, pictures: Mapping[int, Picture]) -> None:
        if self.tracks:
            self.tracks[0].add(index, self._face)
        else:
            self.tracks = [Track(index, self._face)]

    def cut(self) -> None:
        for track in self.tracks:
            track.ended = True
        self.tracks = []

    def matrices(self, landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.broadcast_to(self._matrix, (len(landmarks), 2, 3))


class _VideoPass:
    """One pass over the frames: buffers those still needed, cuts crops and yields segments in order."""

    def __init__(self, source: _FaceFollower | _WholeFrames, options: ClipOptions, stats: ClipStats) -> None:
        self._source = source
        self._size = options.size
        self._every = options.detect_every
        self._shortest = max(1, round(options.min_seconds * FPS))
        self._longest = round(options.max_seconds * FPS)
        self._stats = stats
        self._pictures: dict[int, Picture] = {}
        self._strips: list[TrackCropper] = []
        self._finished: list[tuple[int, int, TrackSegment]] = []  # heap: start, sequence number, segment
        self._running = count()
        self._last = self._stepped = -1

    def run(self, shots: Iterator[tuple[Picture, bool]]) -> Iterator[TrackSegment]:
        for picture, first in shots:
            new_shot = first or picture.index != self._last + 1  # a gap in the numbers also ends the shot
            if new_shot:
                yield from self._end_shot()
                self._stats.shots += 1
            self._pictures[picture.index] = picture
            self._last = picture.index
            self._stats.pictures += 1
            if new_shot or self._last - self._stepped >= self._every:
                yield from self._step()
        yield from self._end_shot()

    def _step(self) -> Iterator[TrackSegment]:
        self._source.step(self._last, self._pictures)
        self._stepped = self._last
        yield from self._cut()

    def _end_shot(self) -> Iterator[TrackSegment]:
        if self._stepped != self._last:
            yield from self._step()
        self._source.cut()
        yield from self._cut()

    def _cut(self) -> Iterator[TrackSegment]:
        """Cut all complete crops, drop frames no longer needed, and yield the next segments."""
        stripped = {strip.track for strip in self._strips}
        for track in self._source.tracks:
            if track not in stripped:
                shot = max(0, self._stats.shots - 1)
                strip = TrackCropper(track, self._source.matrices, self._size, self._shortest, self._longest, shot)
                self._strips.append(strip)
        for strip in self._strips:
            strip.cut(self._pictures)
            self._collect(strip)
        self._strips = [strip for strip in self._strips if not strip.track.ended]

        ahead = self._stepped + 1  # new tracks begin here at the earliest
        needed_from = min([ahead, *(strip.next for strip in self._strips)])
        for index in [index for index in self._pictures if index < needed_from]:
            del self._pictures[index]
        open_from = min([ahead, *(strip.piece_start for strip in self._strips)])
        while self._finished and self._finished[0][0] <= open_from:
            self._stats.clips += 1
            yield heapq.heappop(self._finished)[2]

    def _collect(self, strip: TrackCropper) -> None:
        """Collect complete segments if the track is a face and long enough."""
        track, stats = strip.track, self._stats
        pieces = strip.pieces()
        length = track.stop - track.start
        if track.is_face and length >= self._shortest:
            stats.tracks += bool(pieces) and pieces[0].start == track.start
            for piece in pieces:
                heapq.heappush(self._finished, (piece.start, next(self._running), piece))
        elif track.ended:
            stats.too_short += track.is_face
            stats.false_alarms += not track.is_face
            stats.longest_dropped_s = max(stats.longest_dropped_s, length / FPS)
