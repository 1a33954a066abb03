"""Moving the sound of a file in time: the picture packets stay as they are, the sound is decoded, moved, encoded."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from numpy.typing import NDArray

from seehear.errors import MediaError
from seehear.media.encoder import add_encoder
from seehear.media.frames import Damage, clock_zero, decode_packet, packets, stamp
from seehear.media.source import open_container, picture_stream, sound_streams
from seehear.media.target import whole_file
from seehear.media.timebase import Run, place


def shift_sound(src: str | os.PathLike[str], dst: str | os.PathLike[str], earlier_s: float) -> None:
    """Copy a video with its sound moved in time.

    The picture stream is copied packet by packet. Every stream of sound is moved by whole samples on the clock of the
    pictures and encoded again: with its own codec where there is an encoder and the container takes it (so FLAC and
    PCM stay lossless), else as AAC, at no lower bit rate. Sound and picture begin together: what would come before
    the first picture is cut, what is missing there is silence. Subtitles, other data and metadata are copied where the
    container takes them.

    Args:
        src: a local video file.
        dst: the file to write; its suffix names the container. It appears only when it is whole.
        earlier_s: how much earlier the sound is to be heard (s); negative: later.

    Raises:
        MediaError: the source cannot be read or has no sound or no pictures, or the target cannot be written.
    """
    target = Path(dst)
    if target.exists() and target.samefile(src):
        raise MediaError(f"{dst} is the source itself; give another name for the result.")
    container_format = _format_of(target)
    tracks = _listen(src)
    zero = clock_zero(src)
    for track in tracks.values():
        track.schedule(zero, earlier_s)
    with open_container(src) as source:
        if picture_stream(source) is None or not tracks:
            missing = "pictures" if tracks else "sound"
            raise MediaError(f"{src} has no {missing}, so there is nothing to bring in step; give another file.")
        with whole_file(dst) as file, av.open(file, "w", format=container_format) as out:
            _copy(source, out, tracks)


def _format_of(target: Path) -> str:
    known = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
    known |= {".ts": "mpegts", ".m2ts": "mpegts", ".mpg": "mpeg", ".mpeg": "mpeg", ".flv": "flv", ".nut": "nut"}
    try:
        return known[target.suffix.lower()]
    except KeyError:
        raise MediaError(f"{target} has no suffix of a video ({', '.join(known)}); .mkv takes everything.") from None


@dataclass(slots=True)
class _Track:
    """One stream of sound on its way."""

    stamps: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    heard: AudioFrame | None = None
    runs: list[Run] = field(default_factory=list)
    rate: int = 0
    begins: Fraction = Fraction(0)
    read: float = 0.0
    written: int = 0

    def schedule(self, zero: Fraction, earlier_s: float) -> None:
        runs = place(np.array(self.stamps), np.array(self.lengths))
        self.runs = [Run(run.first, run.stop, run.start - float(zero) - earlier_s) for run in runs]
        self.begins = zero
        self.rate = self.heard.sample_rate if self.heard else 0

    def due(self, frame: AudioFrame) -> list[AudioFrame]:
        """What is to be encoded now that this frame is read: silence, and the frame without what is too early."""
        length = frame.samples / frame.sample_rate
        middle = self.read + length / 2
        run = next((run for run in self.runs if run.first <= middle < run.stop), self.runs[-1])
        first = round((run.start + self.read - run.first) * self.rate)
        self.read += length
        samples = frame.to_ndarray()
        channels = 1 if frame.format.is_planar else len(frame.layout.channels)
        parts = []
        if first > self.written:
            length = (first - self.written) * channels
            nothing = np.full((len(samples), length), 128 if samples.dtype == np.uint8 else 0, samples.dtype)
            parts.append(self._frame(nothing, frame))
            self.written = first
        fresh = samples[:, max(0, self.written - first) * channels :]
        if fresh.shape[1]:
            parts.append(self._frame(fresh, frame))
            self.written += fresh.shape[1] // channels
        return parts

    def _frame(self, samples: NDArray[Any], like: AudioFrame) -> AudioFrame:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), like.format, like.layout)
        frame.sample_rate = self.rate
        frame.time_base = Fraction(1, self.rate)
        frame.pts = round(self.begins * self.rate) + self.written
        return frame


def _listen(src: str | os.PathLike[str]) -> dict[int, _Track]:
    """First pass: when every frame of sound is heard."""
    with open_container(src) as source:
        tracks = {stream.index: _Track() for stream in sound_streams(source)}
        for packet in packets(source, list(sound_streams(source)), Damage()):
            track = tracks[packet.stream.index]
            for frame in decode_packet(packet, Damage()):
                assert isinstance(frame, AudioFrame)
                if frame.samples:
                    time = stamp(frame)
                    track.heard = track.heard or frame
                    track.stamps.append(np.nan if time is None else float(time))
                    track.lengths.append(frame.samples / frame.sample_rate)
    return {index: track for index, track in tracks.items() if track.heard is not None}


def _copy(source: InputContainer, out: OutputContainer, tracks: dict[int, _Track]) -> None:
    out.metadata.update(source.metadata)
    targets: dict[int, Stream] = {}
    for stream in source.streams:
        if stream.index in tracks:
            heard = tracks[stream.index].heard
            assert isinstance(stream, AudioStream)
            assert heard is not None
            targets[stream.index] = add_encoder(out, stream, heard)
        elif stream.type in ("video", "subtitle"):
            targets[stream.index] = out.add_stream_from_template(stream, opaque=True)
    for packet in packets(source, [source.streams[index] for index in targets], Damage()):
        target = targets[packet.stream.index]
        if packet.stream.index in tracks:
            assert isinstance(target, AudioStream)
            track = tracks[packet.stream.index]
            for frame in decode_packet(packet, Damage()):
                assert isinstance(frame, AudioFrame)
                for part in track.due(frame):
                    out.mux(target.encode(part))
        elif packet.dts is not None:
            packet.stream = target
            out.mux(packet)
    for index in tracks:
        sound = targets[index]
        assert isinstance(sound, AudioStream)
        out.mux(sound.encode(None))
