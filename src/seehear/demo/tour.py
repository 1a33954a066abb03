"""All of it in minutes, on synthetic people: from films of them to a page that tells what was learned of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from seehear.avatars.make import make_avatars
from seehear.corpus.prepare import prepare
from seehear.corpus.store import Corpus
from seehear.crew import worker_count
from seehear.demo.animate import HELD_OUT, draw_held_out, hear, learn_to_animate, speak
from seehear.demo.conversation import converse
from seehear.demo.match import acquaint, learn_to_match, play
from seehear.demo.page import DemoFacts, write_page
from seehear.demo.stages import Stages
from seehear.demo.sync import learn_sync, repair, worth_of_sync
from seehear.training.run import load_sync

NEUTRAL = 1 / 7
"""Share of clips without emotion: as many as of each of the six emotions."""

ANIMATE_SHARE = 1.25
"""Steps of learning to animate for each step of learning lip-sync."""

MATCH_SHARE = 0.3
"""Likewise of learning faces and voices."""

SHOWN = 8  # faces


def demo(
    *,
    out: Path = Path("demo"),
    clips: int = 768,
    speakers: int = 384,
    steps: int = 480,
    seed: int = 1,
    workers: int | None = None,
) -> Path:
    """See all of seehear in about nine minutes on two cores, and read what happened in a report.

    Makes synthetic talking people and prepares a corpus of them. A first small model learns lip-sync from nothing; it
    is measured on people that it has not seen, finds that the sound of a clip is late, and fixes it, and tells who of
    two people speaks when. A second one learns to animate a still face; it makes somebody unseen speak, and its ear is
    read out on emotions and words. A third one learns which face belongs to which voice, and is measured on people that
    it has never met. What is done is not done again when the same command is given again.

    Args:
        out: Folder for everything that is made; report.html is the page to open.
        clips: Videos of synthetic people, three seconds each.
        speakers: Different people among them.
        steps: Training steps of lip-sync; the others take a quarter more (animation) and two fifths less (voices).
        seed: Decides everything.
        workers: Processes; by default one per core.

    Returns:
        The page.
    """
    workers = worker_count(workers)
    told = Console(stderr=True, highlight=False)
    stage = Stages(told, count=12)
    out.mkdir(parents=True, exist_ok=True)
    films, corpus, lips, ear, faces = (out / name for name in ("people", "corpus", "run", "animate", "match"))
    with stage("synthetic people talk to a camera"):
        make_avatars(films, clips=clips, speakers=speakers, seed=seed, neutral=NEUTRAL, workers=workers)
    with stage("their faces and voices become a corpus"):
        prepare([films], corpus, workers=workers)
    with stage("a small model learns which sound belongs to which lips"):
        sync = learn_sync(corpus, lips, steps=steps, seed=seed)
    with stage("how well, on people it has never seen"):
        held_out = Corpus(corpus).split("dev", by="speaker")
        worth = worth_of_sync(lips, corpus, held_out, seed=seed)
    with stage("a clip whose sound comes late is found and fixed"):
        film = films / _talkative(held_out)
        repaired = repair(film, out, load_sync(lips))
    with stage("two people take turns, and it is told who speaks when"):
        conversed = converse(out, load_sync(lips), seed=seed)
    with stage("another model learns to make a still face speak"):
        animate = learn_to_animate(corpus, ear, steps=max(1, round(ANIMATE_SHARE * steps)), seed=seed)
    with stage("what the ear that it grew knows of emotions and words"):
        heard = hear(ear, corpus)
    with stage("somebody it has never seen is made to speak"):
        drawn = draw_held_out(ear, Corpus(corpus).split("dev", HELD_OUT, "speaker"))
        spoken = speak(film, out, ear, load_sync(lips))
    with stage("a third model learns which face belongs to which voice"):
        match = learn_to_match(corpus, faces, steps=max(1, round(MATCH_SHARE * steps)), seed=seed)
    with stage("what it knows of people it has never met"):
        known = acquaint(faces, corpus)
        played = play(faces, corpus, films, seed=seed)
    with stage("the report"):
        facts = DemoFacts(
            people=len(set(held_out.labels("speaker"))),
            films=clips,
            speakers=speakers,
            faces=[held_out[place] for place in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
            sync=sync,
            worth=worth,
            repair=repaired,
            conversed=conversed,
            animate=animate,
            ear=heard,
            drawn=drawn,
            spoken=spoken,
            match=match,
            known=known,
            played=played,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_page(page, facts)
    told.print(f"Open {page} in a browser.", markup=False)
    return page


def _talkative(held_out: Corpus) -> str:
    """Name of the film in which most is said: the more is said, the more there is to see and to measure."""
    said = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[int(np.argmax(said))].meta["source"]).name
