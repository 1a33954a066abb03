"""Whether a folder may become a corpus, is one already, or refuses to be written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seehear.corpus.manifest import CORPUS_FILE, REPORT_FILE
from seehear.corpus.plan import difference
from seehear.corpus.staging import STAGING
from seehear.corpus.work import no_room
from seehear.errors import CorpusError
from seehear.os_errors import as_sentence


def is_done(out: Path, fingerprint: dict[str, Any]) -> bool:
    """Whether the folder is the very corpus that is wanted.

    Raises:
        CorpusError: it is another corpus, or holds other things.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for the corpus")
    if (out / CORPUS_FILE).exists():
        try:
            made = json.loads((out / CORPUS_FILE).read_text(encoding="utf-8"))["made"]
            how = difference(made, fingerprint)
        except (ValueError, KeyError, TypeError):
            how = "another description"
        if how:
            raise CorpusError(f"{out} is a corpus already, with {how}; name another folder or remove it")
        return True
    if out.is_dir() and not (out / STAGING).exists():
        others = sorted(path.name for path in out.iterdir() if path.name != REPORT_FILE)
        if others:
            raise CorpusError(f"{out} holds other things ({others[0]}); name a new or empty folder for the corpus")
    return False


@contextmanager
def refusals_as_sentences(out: Path) -> Iterator[None]:
    """What the operating system refuses while a corpus is written, as a `CorpusError` with the way out."""
    try:
        yield
    except OSError as error:
        if no_room(error):
            raise CorpusError(
                f"there is no room left on the disk for {out}; make some and run the same command again: "
                "what is done is kept"
            ) from error
        if sentence := as_sentence(error):
            raise CorpusError(str(sentence)) from error
        raise
