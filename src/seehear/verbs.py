"""Verbs that only print what a function below them gives."""

from __future__ import annotations

import json as json_format

from rich.console import Console
from rich.table import Table
from rich.text import Text

LOST_SHOWN = 10


def info(corpus: str, *, json: bool = False) -> None:
    """Say what is in a corpus: clips, hours, speakers, labels, and what could not be read.

    Args:
        corpus: Folder or URL of a corpus that `seehear prepare` made.
        json: Print one JSON object instead.
    """
    from seehear.corpus.info import describe

    told = describe(corpus)
    if json:
        print(json_format.dumps(told.to_dict(), ensure_ascii=False))  # noqa: T201
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("corpus", Text(told.path))
    table.add_row("clips", f"{told.clips}, {told.hours:.2f} hours, from {told.sources} sources ({told.format})")
    lengths = f"{told.mean_seconds:.2f} s on average, from {told.shortest_seconds:.2f} to {told.longest_seconds:.2f} s"
    table.add_row("length", lengths)
    table.add_row("faces", f"{told.size} x {told.size} pixels, 25 a second")
    table.add_row("speakers", "not labelled" if told.speakers is None else str(told.speakers))
    table.add_row("labels", ", ".join(f"{name} ({count})" for name, count in told.labels.items()) or "none")
    table.add_row("on disk", f"{told.bytes / 1e6:.1f} MB in {told.shards} shards, by seehear {told.seehear}")
    if told.silent_clips:
        table.add_row("without sound", f"{told.silent_clips} clips")
    for name, lost in (("failed", told.failed), ("no clip in", told.empty), ("skipped", told.skipped)):
        for place, (file, reason) in enumerate(list(lost.items())[:LOST_SHOWN]):
            table.add_row(f"{name} ({len(lost)})" if place == 0 else "", Text(f"{file}: {reason}"))
    Console(highlight=False).print(table)
