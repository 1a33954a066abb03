"""Open media files safely, decode packets to frames, count damage, and read the file's clock.

Some formats are lists of other files or addresses (HLS and DASH playlists, concat scripts, SDP, numbered images) and
some can refer to them (QuickTime data references). Three checks, each sufficient alone, prevent that:

1. FFmpeg gets an open file, not a name, so no protocol prefix and no ``%03d`` pattern is ever interpreted.
2. Only the demuxers in `CONTAINERS` are allowed; a file that is probed as anything else is refused.
3. Any further file that a demuxer tries to open is refused (`_refuse`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, cast

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seehear.clip import FPS
from seehear.errors import LFS_MARK, MediaError, lfs_pointer_message, missing_file_message
from seehear.machine import available_cores
from seehear.media.timebase import Clock, Coverage, clock_of

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2 matroska,webm avi flv mpeg mpegts mpegvideo asf ogg mxf gxf nut ivf wtv rm dv swf gif "
    "h261 h263 h264 hevc vvc m4v vc1 av1 obu mjpeg yuv4mpegpipe "
    "wav w64 mp3 aac flac aiff au caf ac3 eac3 amr amrnb amrwb dts truehd tta wv ape"
)
"""FFmpeg names of the demuxers that read video and audio from one file and cannot refer to another."""


RAW_TIMES = {"ignore_editlist": "1"}
"""Demuxer option: return every stored packet with its stored timestamps, ignoring edit lists."""


READ_BYTES = 1 << 18
"""Read size: 256 KiB keeps callbacks into Python rare."""


LOCKS = {"format_whitelist": CONTAINERS.replace(" ", ","), "protocol_whitelist": "none"}


class _NotThisFileError(Exception):
    """A demuxer tried to open a second file."""


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise _NotThisFileError(url)


class _Nameless:
    """An open file without its name, so that FFmpeg cannot interpret the name."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@contextmanager
def open_container(path: str | os.PathLike[str], options: Mapping[str, str] | None = None) -> Iterator[InputContainer]:
    """Open a local file for demuxing; closed on exit.

    Args:
        path: a regular file on this machine
        options: demuxer options, such as `RAW_TIMES`

    Raises:
        MediaError: the file is missing, unreadable, empty, or not a video or audio file
    """
    with _open_file(path) as file:
        try:
            container = av.open(
                _Nameless(file),
                mode="r",
                container_options={**LOCKS, **(options or {})},
                metadata_errors="replace",
                buffer_size=READ_BYTES,
                io_open=_refuse,
            )
        except (FFmpegError, _NotThisFileError, OSError, ValueError) as error:
            raise MediaError(_why_not(path, file)) from error
        with container:
            yield container


def _open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    name = os.fspath(path)
    try:
        mode = Path(name).stat()
        if stat.S_ISDIR(mode.st_mode):
            raise MediaError(f"{name} is a folder, not a video; name the files in it.")
        if not stat.S_ISREG(mode.st_mode):
            raise MediaError(f"{name} is a device or a pipe; save the video to a file first.")
        if mode.st_size == 0:
            raise MediaError(f"{name} is empty (0 bytes); copy or download it again.")
        return Path(name).open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise MediaError(f"{missing_file_message(name, 'check the path')}.") from None
    except PermissionError:
        raise MediaError(f"{name} may not be read by this user; change its permissions.") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{name} cannot be read ({error}); check the path and the disk.") from None


_POINTERS = (  # first bytes of files that only list or refer to other files
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a concat script"),
    (b"v=0", "an SDP session description"),
    (b"<MPD", "a DASH manifest"),
    (b"[playlist]", "a playlist"),
)


def _why_not(path: str | os.PathLike[str], file: IO[bytes]) -> str:
    """Return the message for a file that no allowed demuxer accepts."""
    try:
        file.seek(0)
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        return f"{path} cannot be read ({error}); check the disk."
    if head.startswith(LFS_MARK):
        return f"{lfs_pointer_message(path)}."
    for mark, kind in _POINTERS:
        if head.startswith(mark) or (mark.startswith(b"<") and mark in head):
            return f"{path} is {kind} that points to other files, which are never followed; give the video file itself."
    return f"{path} is not a video or sound file that can be read, or its beginning or index is damaged; re-export it."


def picture_stream(container: InputContainer) -> av.VideoStream | None:
    """Return the video stream that a player would show, or None. Cover art and thumbnails do not count."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & still]
    best = container.streams.best("video")
    return best if best in streams else next(iter(streams), None)


def sound_streams(container: InputContainer) -> list[av.AudioStream]:
    """Return the audio streams that can be decoded; the player's default comes first."""
    streams = [s for s in container.streams.audio if s.codec_context is not None and s.codec_context.sample_rate > 0]
    best = container.streams.best("audio")
    return sorted(streams, key=lambda stream: stream != best)


RATES = range(1000, 1_000_000)
"""Range of plausible sample rates; frames with any other are damaged."""


MAX_THREADS = 16
"""FFmpeg's own limit for automatic threading; each thread buffers a frame."""


BIG_PICTURE = 3840 * 2160
"""Frames with more pixels than this are decoded with few threads, to limit memory."""


@dataclass(slots=True)
class Damage:
    """Count packets that were skipped because they could not be decoded, or were repaired by the decoder."""

    count: int = 0


def decode_video(
    container: InputContainer, stream: VideoStream, damage: Damage, threads: int = 0
) -> Iterator[VideoFrame]:
    """Decode the frames of a stream in presentation order; damaged ones are skipped and counted.

    Args:
        threads: decoder threads; 0 uses all cores
    """
    context = stream.codec_context
    cores = threads or min(available_cores(), MAX_THREADS)
    if context.width * context.height > BIG_PICTURE:
        cores = min(cores, 4)
    context.thread_count = cores
    context.thread_type = "AUTO"
    for packet in packets(container, [stream], damage):
        for frame in decode_packet(packet, damage):
            if isinstance(frame, VideoFrame):
                damage.count += frame.is_corrupt
                yield frame


def packets(container: InputContainer, streams: Sequence[Stream], damage: Damage) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams up to the end or the break of the file; empty packets flush the decoders."""
    source = container.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(source, None)
        except (FFmpegError, OSError, IndexError):  # PyAV looks up streams that damaged files add during reading
            damage.count += 1
            break
        if packet is None:
            return
        yield packet
    for stream in streams:
        last: Packet[Stream] = Packet()
        last.stream = stream
        yield last


def decode_packet(packet: Packet[Stream], damage: Damage) -> list[VideoFrame] | list[AudioFrame]:
    """Return the frames that a packet completes; a damaged packet gives none and is counted."""
    try:
        return cast("list[VideoFrame] | list[AudioFrame]", packet.decode())
    except (FFmpegError, ValueError):
        damage.count += 1
        return []


def decode_audio(packet: Packet[Stream], damage: Damage) -> list[AudioFrame]:
    """Return the non-empty audio frames that a packet completes."""
    frames = [frame for frame in decode_packet(packet, damage) if isinstance(frame, AudioFrame) and frame.samples]
    possible = [frame for frame in frames if frame.sample_rate in RATES]
    damage.count += len(frames) - len(possible)
    return possible


def presentation_time(frame: VideoFrame | AudioFrame) -> Fraction | None:
    """Return the presentation time of a frame (s, on the file's own axis), or None if unknown."""
    ticks = frame.pts if frame.pts is not None else frame.dts
    if ticks is None or frame.time_base is None:
        return None
    return ticks * frame.time_base


def nominal_frame_period(stream: VideoStream) -> Fraction:
    """Return the frame period (s) according to the container, or 1/25 if its value is implausible."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and Fraction(1, 1000) < rate <= 1000:
            return 1 / Fraction(rate)
    return Fraction(1, FPS)


def clock_zero(path: str | os.PathLike[str]) -> Fraction:
    """Return the origin of a file's clock on its own time axis (s): its first video frame, else its first audio.

    The first video frame is the first one that the decoder returns, not the one in the header: an edit list may drop
    packets before it, or they may depend on frames that were cut away.

    Raises:
        MediaError: as `open_media`
    """
    with open_container(path) as container:
        stream = picture_stream(container)
        if stream is not None:
            first = next(decode_video(container, stream, Damage(), threads=1), None)
            if first is not None:
                return presentation_time(first) or Fraction(0)
    with open_container(path) as container:
        for packet in packets(container, sound_streams(container)[:1], Damage()):
            for frame in decode_audio(packet, Damage()):
                return presentation_time(frame) or Fraction(0)
    return Fraction(0)


class FileClock:
    """The clock of a file, read from its timestamps on first use, which takes a pass over the whole file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Args: path: the file; it is not opened yet."""
        self._path = path
        self._clock: Clock | None = None

    def __call__(self) -> Clock:
        """Return the clock; see `seehear.media.timebase.clock_of`."""
        if self._clock is None:
            self._clock = _clock(self._path)
        return self._clock

    @property
    def read_so_far(self) -> Clock | None:
        """The clock if it has been read, which happens where there may be jumps; else None."""
        return self._clock

    def caution(self) -> str | None:
        """Describe how jumps of the clock were handled; None if there were none."""
        return None if self._clock is None else describe_clock(self._clock)


def describe_clock(clock: Clock) -> str | None:
    """Return the clause that describes the jumps of a clock; None if it has none."""
    if not clock.jumps:
        return None
    times = "once" if clock.jumps == 1 else f"{clock.jumps} times"
    text = f"the file's clock jumps {times}, as in recordings that were joined; what follows is taken to go on at once"
    return f"{text} ({clock.closed_s:.0f} s without video and audio are left out)" if clock.leaps else text


def _clock(path: str | os.PathLike[str]) -> Clock:
    with open_container(path) as container:
        pictures = picture_stream(container)
        streams = [*([pictures] if pictures else []), *sound_streams(container)]
        covered = {
            stream.index: Coverage(
                nominal_frame_period(stream) if isinstance(stream, VideoStream) else Fraction(1, FPS)
            )
            for stream in streams
        }
        for packet in packets(container, streams, Damage()):
            ticks = packet.dts if packet.dts is not None else packet.pts
            if packet.size and ticks is not None:
                length = (packet.duration or 0) * packet.time_base
                covered[packet.stream.index].add(ticks * packet.time_base, length)
    main, *others = covered.values() if covered else [Coverage(Fraction(1, FPS))]
    return clock_of(main, others)
