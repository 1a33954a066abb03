"""Interlaced frames hold two moments in alternating lines: the lines of the second are drawn anew from the first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import av
from av.filter import Graph
from av.video.frame import VideoFrame

Tag = TypeVar("Tag")


def deinterlaced(frames: Iterable[tuple[Tag, VideoFrame]]) -> Iterator[tuple[Tag, VideoFrame]]:
    """Pass frames on, from the first one that is flagged as interlaced on through FFmpeg's bwdif; one out for one in.

    Args:
        frames: with anything to go with each (its time, for one).
    """
    kind: tuple[int, int, str] | None = None
    graph: Graph | None = None
    waiting: deque[Tag] = deque()
    for tag, frame in frames:
        if graph is not None and kind != _kind(frame):
            yield from _pass(graph, None, waiting)
            graph = None
        if graph is None and frame.interlaced_frame:
            kind, graph = _kind(frame), _graph(frame)
        if graph is None:
            yield tag, frame
        else:
            waiting.append(tag)
            yield from _pass(graph, frame, waiting)
    if graph is not None:
        yield from _pass(graph, None, waiting)


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    assert frame.time_base is not None
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    weave = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(source, weave, graph.add("buffersink")).configure()
    return graph


def _pass(graph: Graph, frame: VideoFrame | None, waiting: deque[Tag]) -> Iterator[tuple[Tag, VideoFrame]]:
    graph.vpush(frame)
    while waiting:
        try:
            out = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield waiting.popleft(), out
