"""All of it in minutes, on synthetic people: make them, learn from them, measure that, fix a film, tell the story."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from seehear.avatars.make import make_avatars
from seehear.clip import Clip
from seehear.corpus.prepare import prepare
from seehear.corpus.store import Corpus
from seehear.crew import worker_count
from seehear.demo_page import DemoFacts, Trial, write_page
from seehear.media.mux import shift_sound
from seehear.tasks.sync import evaluate_sync
from seehear.tools.calibration import KnownSound, calibrate_run
from seehear.tools.confidence import Calibration
from seehear.tools.fix import fix
from seehear.tools.listen import LipsAndSound, listen
from seehear.tools.measure import MeasureOptions, measure
from seehear.tools.offset import find_peak
from seehear.training.journal import read_metrics
from seehear.training.options import DataOptions, EngineOptions, OptimOptions
from seehear.training.pretrain import pretrain
from seehear.training.run import load_sync

DELAY_MS = 230.0
"""By how much the demo makes the sound of a clip late: everybody sees that, and it is no whole number of frames."""

TRIALS = 60
"""Held-out clips whose sound is moved by a random delay, to draw measured against true."""

LARGEST_TRIAL_S = 0.6
SEARCH_S = 1.0
CALIBRATION_EXAMPLES = 400


def demo(
    *,
    out: Path = Path("demo"),
    clips: int = 768,
    speakers: int = 384,
    steps: int = 480,
    seed: int = 1,
    workers: int | None = None,
) -> Path:
    """See all of seehear in about six minutes on two cores, and read what happened in a report.

    Makes synthetic talking people, prepares a corpus, trains a small lip-sync model from nothing, measures it on people
    that it has not seen, makes the sound of a clip late, finds that and fixes it. What is done is not done again when
    the same command is given again.

    Args:
        out: Folder for everything that is made; report.html is the page to open.
        clips: Videos of synthetic people, three seconds each.
        speakers: Different people among them.
        steps: Training steps.
        seed: Decides everything.
        workers: Processes; by default one per core.

    Returns:
        The page.
    """
    workers = worker_count(workers)
    told = Console(stderr=True, highlight=False)
    stage = Stages(told, count=6)
    out.mkdir(parents=True, exist_ok=True)
    with stage("synthetic people talk to a camera"):
        films = out / "people"
        make_avatars(films, clips=clips, speakers=speakers, seed=seed, workers=workers)
    with stage("their faces and voices become a corpus"):
        corpus = out / "corpus"
        prepare([films], corpus, workers=workers)
    with stage("a small model learns which sound belongs to which lips"):
        data = DataOptions(split_by="speaker", min_frames=50)
        optim, engine = OptimOptions(steps=steps, seed=seed), EngineOptions(probe_every=max(1, steps // 8))
        summary = pretrain([corpus], out / "run", data=data, optim=optim, engine=engine)
    with stage("how well, on people it has never seen"):
        torch.set_num_threads(1)
        held_out = Corpus(corpus).split("dev", by="speaker")
        accuracy = evaluate_sync(load_sync(out / "run"), held_out)
        calibrate_run(out / "run", corpus, split_by="speaker", examples=CALIBRATION_EXAMPLES)
        model = load_sync(out / "run")
        trials = _trials(model, held_out, seed)
    with stage("a clip whose sound comes late is found and fixed"):
        film = films / Path(held_out[len(held_out) // 2].meta["source"]).name
        late, fixed = out / "late.mp4", out / "fixed.mp4"
        shift_sound(film, late, earlier_s=-DELAY_MS / 1000)
        before = measure(late, model, MeasureOptions(SEARCH_S))
        repaired = fix(before, fixed, lambda path: measure(path, model, MeasureOptions(SEARCH_S)), force=True)
    with stage("the report"):
        facts = DemoFacts(
            people=len({clip.meta["labels"]["speaker"] for clip in held_out}),
            films=clips,
            speakers=speakers,
            summary=summary,
            metrics=read_metrics(out / "run" / "metrics.csv"),
            accuracy=accuracy,
            faces=[held_out[place] for place in np.linspace(0, len(held_out) - 1, 8).astype(int)],
            trials=trials,
            delay_ms=DELAY_MS,
            late=late,
            before=before,
            fixed=repaired,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_page(page, facts)
    told.print(f"Open {page} in a browser.", markup=False)
    return page


class Stages:
    """Tells which part of the demo runs and how long each took.

    Attributes:
        seconds: of each part that is done, by its name.
    """

    def __init__(self, console: Console, count: int) -> None:
        """Parts are numbered 1 to ``count``."""
        self.seconds: dict[str, float] = {}
        self._console, self._count = console, count

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One part."""
        self._console.print(f"[bold]{len(self.seconds) + 1}/{self._count}[/bold] {name}")
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun
        self._console.print(f"    done in {self.seconds[name]:.0f} s", style="dim")


def _trials(model: LipsAndSound, held_out: Corpus, seed: int) -> list[Trial]:
    """Held-out clips with their sound moved by random delays: what is true and what is measured."""
    rng = np.random.default_rng(seed)
    calibration = Calibration.from_config(model.config)
    trials = []
    for place in np.linspace(0, len(held_out) - 1, min(TRIALS, len(held_out))).astype(int):
        clip, delay_s = held_out[int(place)], float(rng.uniform(-LARGEST_TRIAL_S, LARGEST_TRIAL_S))
        trials += _trial(model, clip, delay_s, calibration)
    return trials


def _trial(model: LipsAndSound, clip: Clip, delay_s: float, calibration: Callable[..., float]) -> list[Trial]:
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    heard = listen(model, at_zero, KnownSound(clip.audio, delay_s), round(SEARCH_S * 25))
    peak = find_peak(heard.curve)
    return [Trial(1000 * delay_s, peak.delay_ms, calibration(peak))] if peak else []
