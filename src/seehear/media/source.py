"""Opening a media file safely: the one file that was given is read, and nothing that it may point to.

Some formats are lists of other files or addresses (HLS and DASH playlists, concat scripts, SDP, numbered images) and
some can refer to them (QuickTime data references). Three locks, each enough alone:

1. FFmpeg gets an open file, not a name: no protocol prefix and no ``%03d`` pattern is ever interpreted.
2. Only the demuxers in `CONTAINERS` may take it; what the probe takes for anything else is refused.
3. Whatever a demuxer then asks to open besides is refused (`_refuse`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from seehear import pointers
from seehear.errors import MediaError
from seehear.os_errors import missing

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2 matroska,webm avi flv mpeg mpegts mpegvideo asf ogg mxf gxf nut ivf wtv rm dv swf gif "
    "h261 h263 h264 hevc vvc m4v vc1 av1 obu mjpeg yuv4mpegpipe "
    "wav w64 mp3 aac flac aiff au caf ac3 eac3 amr amrnb amrwb dts truehd tta wv ape"
)
"""FFmpeg's names of the demuxers that read pictures and sound from one file and cannot name another."""

RAW_TIMES = {"ignore_editlist": "1"}
"""Option of the demuxer: every stored packet with its stored times, whatever an edit list says is shown."""

READ_BYTES = 1 << 18
"""One read from disk: 256 KiB keeps the calls back into Python rare."""


LOCKS = {"format_whitelist": CONTAINERS.replace(" ", ","), "protocol_whitelist": "none"}


class _NotThisFileError(Exception):
    """A demuxer asked for a second file."""


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise _NotThisFileError(url)


class _Nameless:
    """An open file without its name, so that FFmpeg cannot read anything out of the name."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@contextmanager
def open_container(path: str | os.PathLike[str], options: Mapping[str, str] | None = None) -> Iterator[InputContainer]:
    """Open a local file for demuxing; closed again on leaving.

    Args:
        path: a regular file on this machine.
        options: of the demuxer, such as `RAW_TIMES`.

    Raises:
        MediaError: it is not there, not readable, empty, or not a video or sound file.
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
        raise MediaError(f"{missing(name, 'check the path')}.") from None
    except PermissionError:
        raise MediaError(f"{name} may not be read by this user; change its permissions.") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{name} cannot be read ({error}); check the path and the disk.") from None


_POINTERS = (  # how files begin that are only lists of, or references to, other files
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a concat script"),
    (b"v=0", "an SDP session description"),
    (b"<MPD", "a DASH manifest"),
    (b"[playlist]", "a playlist"),
)


def _why_not(path: str | os.PathLike[str], file: IO[bytes]) -> str:
    """The sentence for a file that no allowed demuxer takes."""
    try:
        file.seek(0)
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        return f"{path} cannot be read ({error}); check the disk."
    if head.startswith(pointers.MARK):
        return f"{pointers.sentence(path)}."
    for mark, kind in _POINTERS:
        if head.startswith(mark) or (mark.startswith(b"<") and mark in head):
            return f"{path} is {kind} that points to other files, which are never followed; give the video file itself."
    return f"{path} is not a video or sound file that can be read, or its beginning or index is damaged; re-export it."


def picture_stream(container: InputContainer) -> av.VideoStream | None:
    """The stream that a player would show, or None. Cover art and thumbnails are not pictures of a video."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & still]
    best = container.streams.best("video")
    return best if best in streams else next(iter(streams), None)


def sound_streams(container: InputContainer) -> list[av.AudioStream]:
    """The streams of sound that can be decoded, the one that a player would choose first."""
    streams = [s for s in container.streams.audio if s.codec_context is not None and s.codec_context.sample_rate > 0]
    best = container.streams.best("audio")
    return sorted(streams, key=lambda stream: stream != best)
