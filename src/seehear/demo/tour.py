"""The demo from start to end.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.parallel import worker_count
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.data.corpus import Corpus


@dataclass(frozen=True, repr=False)
class DemoResult(Result):
    """The demo's report.

    Attributes:
        page: to be opened in a browser.
    """

    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"page": str(self.page)}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(f"Open {self.page} in a browser.")


NEUTRAL = 1 / 7
"""Fraction of clips without emotion: as many as of each of the six emotions."""


ANIMATE_SHARE = 1.25
"""Training steps of animation, relative to lip-sync."""


MATCH_SHARE = 0.3
"""Training steps of matching, relative to lip-sync."""


SHOWN = 8  # number of faces on the page


def demo(
    *,
    out: Path = Path("demo"),
    clips: int = 768,
    speakers: int = 384,
    steps: int = 480,
    seed: int = 1,
    workers: int | None = None,
) -> DemoResult:
    """Show all of seehear in about nine minutes on two cores, with a report.

    Makes synthetic talking people and prepares a corpus of them. A first small model learns lip-sync from scratch. It
    is measured on unseen people, detects and fixes the delay of a clip, and finds the active speaker in a dialogue. A
    second one learns to animate a still face; it animates an unseen person, and its audio encoder is probed for
    emotions and words. A third one learns to match faces and voices, and is measured on unseen people. If the same
    command is given again, finished parts are not repeated.

    Args:
        out: folder for all files; open report.html in a browser.
        clips: number of videos of synthetic people, three seconds each.
        speakers: number of different people in them.
        steps: training steps of lip-sync; animation takes 1.25 times, matching 0.3 times as many.
        seed: determines everything.
        workers: number of processes; by default one per core.
    """
    import numpy as np

    from seehear.avatars.make import synthesize_avatars
    from seehear.data.corpus import Corpus
    from seehear.data.prepare import prepare
    from seehear.demo.animate import HELD_OUT, animate_film, draw_held_out, learn_to_animate, probe_speech
    from seehear.demo.match import learn_to_match, measure_faces_and_voices, play_games
    from seehear.demo.page import DemoFacts, write_demo_page
    from seehear.demo.stages import Stages
    from seehear.demo.sync import learn_sync, measure_model, repair, run_dialogue
    from seehear.models.store import load_sync_model

    workers = worker_count(workers)
    stage = Stages(count=12)
    out.mkdir(parents=True, exist_ok=True)
    films, corpus, lips, ear, faces = (out / name for name in ("people", "corpus", "run", "animate", "match"))
    with stage("synthetic people talk to a camera"):
        synthesize_avatars(films, clips=clips, speakers=speakers, seed=seed, neutral=NEUTRAL, workers=workers)
    with stage("their faces and voices become a corpus"):
        prepare([films], corpus, workers=workers)
    with stage("a small model learns which sound belongs to which lips"):
        sync = learn_sync(corpus, lips, steps=steps, seed=seed)
    with stage("how well, on people it has never seen"):
        held_out = Corpus(corpus).split("dev", by="speaker")
        worth = measure_model(lips, corpus, held_out, seed=seed)
    with stage("a clip whose sound comes late is found and fixed"):
        film = films / _talkative(held_out)
        repaired = repair(film, out, load_sync_model(lips))
    with stage("two people take turns, and it is told who speaks when"):
        conversed = run_dialogue(out, load_sync_model(lips), seed=seed)
    with stage("another model learns to make a still face speak"):
        animate = learn_to_animate(corpus, ear, steps=max(1, round(ANIMATE_SHARE * steps)), seed=seed)
    with stage("what the ear that it grew knows of emotions and words"):
        heard = probe_speech(ear, corpus)
    with stage("somebody it has never seen is made to speak"):
        drawn = draw_held_out(ear, Corpus(corpus).split("dev", HELD_OUT, "speaker"))
        spoken = animate_film(film, out, ear, load_sync_model(lips))
    with stage("a third model learns which face belongs to which voice"):
        match = learn_to_match(corpus, faces, steps=max(1, round(MATCH_SHARE * steps)), seed=seed)
    with stage("what it knows of people it has never met"):
        known = measure_faces_and_voices(faces, corpus)
        played = play_games(faces, corpus, films, seed=seed)
    with stage("the report"):
        facts = DemoFacts(
            people=len(set(held_out.labels("speaker"))),
            films=clips,
            speakers=speakers,
            faces=[held_out[clip] for clip in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
            sync=sync,
            sync_scores=worth,
            repair=repaired,
            conversed=conversed,
            animate=animate,
            speech_probes=heard,
            drawn=drawn,
            animated_film=spoken,
            match=match,
            face_voice_scores=known,
            played=played,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_demo_page(page, facts)
    return DemoResult(page)


def _talkative(held_out: Corpus) -> str:
    """Name of the video with the longest text, which gives the most to see and to measure."""
    lengths = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[lengths.index(max(lengths))].meta["source"]).name
