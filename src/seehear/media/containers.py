"""Which kinds of file can be written, and which of them take a given picture stream."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from seehear.errors import MediaError
from seehear.media.frames import Damage, packets
from seehear.media.source import open_container, picture_stream

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".ts": "mpegts",
    ".mpg": "mpeg",
    ".mpeg": "mpeg",
    ".flv": "flv",
    ".avi": "avi",
    ".wmv": "asf",
    ".asf": "asf",
    ".3gp": "3gp",
    ".nut": "nut",
}
"""What can be written, by suffix, as FFmpeg names it."""

OPTIONS = {
    "mp4": {"movie_timescale": "90000"},
    "mov": {"movie_timescale": "90000"},
    "3gp": {"movie_timescale": "90000"},
}
"""Of the containers: edit lists count in these units, 1/1000 s by default."""

QUICKTIME = ("mp4", "mov", "3gp")
"""Containers that know edit lists, tags of codecs and an aspect of their own."""

ALTERNATIVES = (".mkv", ".mp4", ".mov", ".avi", ".nut")
"""Tried in this order where a file's own kind cannot be written."""

MOST_PER_SECOND = 1000
"""Pictures; a header that says more is wrong."""

TRIED = 40
"""Packets that a container has to take and give back before it is offered."""


def container_of(path: str | os.PathLike[str]) -> str:
    """FFmpeg's name of the container that a file would be written as.

    Raises:
        MediaError: its suffix is of none.
    """
    container = CONTAINERS.get(Path(path).suffix.lower())
    if container is None:
        raise MediaError(f"{path} would need a suffix out of {' '.join(CONTAINERS)}; .mkv takes most kinds of stream.")
    return container


def copy_stream(out: OutputContainer, stream: Stream, container: str) -> Stream:
    """A new stream of a container for the packets of another, with all that its header says of them.

    Raises:
        FFmpegError, ValueError: the container does not take it.
    """
    return _template(out, stream, next(_accepted_tags(stream, container), None))


def takes(stream: Stream, container: str) -> bool:
    """Whether the header of a container can be written for this stream alone."""
    return next(_accepted_tags(stream, container), "no") != "no"


def _template(out: OutputContainer, stream: Stream, tag: str | None) -> Stream:
    target = out.add_stream_from_template(stream, opaque=True)
    if tag is not None:
        target.codec_context.codec_tag = tag
    if isinstance(stream, VideoStream) and isinstance(target, VideoStream):
        if stream.sample_aspect_ratio:
            target.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
        if stream.average_rate and stream.average_rate <= MOST_PER_SECOND:
            target.codec_context.framerate = stream.average_rate
    return target


def _accepted_tags(stream: Stream, container: str) -> Iterator[str | None]:
    """The four letters that name the codec in the container, the source's own first; None: the container's usual ones.

    They matter: players of Apple want HEVC as hvc1, and the flavours of ProRes differ in nothing else.
    """
    own, better = _own_tag(stream), _better_tag(stream, container)
    from_quicktime = "mov" in stream.container.format.name  # elsewhere a tag of QuickTime's means nothing
    for tag in dict.fromkeys((own, better, None) if from_quicktime else (better, own, None)):
        with suppress(FFmpegError, ValueError), av.open(io.BytesIO(), "w", format=container) as out:
            _template(out, stream, tag)
            out.start_encoding()
            yield tag


def _own_tag(stream: Stream) -> str | None:
    try:
        tag = stream.codec_context.codec_tag if stream.codec_context else ""
    except UnicodeDecodeError:
        return None
    return tag if tag.strip("\0") else None


def _better_tag(stream: Stream, container: str) -> str | None:
    hevc = stream.codec_context is not None and stream.codec_context.name == "hevc"
    return "hvc1" if hevc and container in QUICKTIME else None


def takes_pictures(path: str | os.PathLike[str], container: str) -> bool:
    """Whether a container takes the pictures of a file, and gives them back: their beginning is tried.

    Raises:
        MediaError: the file cannot be read.
    """
    buffer = io.BytesIO()
    with open_container(path) as source:
        stream = picture_stream(source)
        if stream is None:
            return True
        codec = stream.codec_context.name
        try:
            with av.open(buffer, "w", format=container) as out:
                target = copy_stream(out, stream, container)
                for packet in islice((p for p in packets(source, [stream], Damage()) if p.size), TRIED):
                    if packet.dts is None:
                        continue
                    packet.stream = target
                    out.mux(packet)
            buffer.seek(0)
            with av.open(buffer, "r") as written:
                found = picture_stream(written)
                return found is not None and found.codec_context.name == codec
        except (FFmpegError, ValueError, OverflowError):
            return False


def suffix_for(path: str | os.PathLike[str]) -> str | None:
    """The suffix of the container that a file's pictures can be copied into: its own kind if possible; None for none.

    Raises:
        MediaError: the file cannot be read.
    """
    own = Path(path).suffix.lower()
    suffixes = dict.fromkeys(((own,) if own in CONTAINERS else ()) + ALTERNATIVES)
    return next((suffix for suffix in suffixes if takes_pictures(path, CONTAINERS[suffix])), None)
