"""The whole demo.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.parallel import worker_count
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.data.corpus import Corpus


@dataclass(frozen=True, repr=False)
class DemoResult(Result):
    """The demo's report.

    Attributes:
        page: HTML report, to be opened in a browser
    """

    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"page": str(self.page)}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(f"Open {self.page} in a browser.")


NEUTRAL = 1 / 7
"""Fraction of clips without emotion: as many as of each of the six emotions."""


ANIMATE_STEPS_RATIO = 1.25
"""Training steps of animation, relative to lip-sync."""


MATCH_STEPS_RATIO = 0.3
"""Training steps of matching, relative to lip-sync."""


SHOWN = 8  # number of faces on the page


def demo(
    *,
    out: Path = Path("demo"),
    clips: int = 384,
    speakers: int = 192,
    steps: int = 240,
    seed: int = 1,
    workers: int | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Show all of seehear in 5 to 20 minutes on two cores, with a report.

    Makes synthetic talking people and prepares a corpus of them. A first small model learns lip-sync from scratch. It
    is measured on unseen people, detects and fixes the delay of a clip, and finds the active speaker in a dialogue. A
    second one learns to animate a still face; it animates an unseen person, and its audio encoder is probed for
    emotions and words. A third one learns to match faces and voices, and is measured on unseen people. If the same
    command is given again, finished parts are not repeated.

    Args:
        out: folder for all files; open report.html in a browser
        clips: number of videos of synthetic people, three seconds each
        speakers: number of different people in them
        steps: training steps of lip-sync; animation takes 1.25 times, matching 0.3 times as many
        seed: determines everything
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text
    """
    import numpy as np

    from seehear.avatars.make import synthesize_avatars
    from seehear.data.corpus import Corpus
    from seehear.data.prepare import prepare
    from seehear.demo.animate import HELD_OUT, animate_held_out, animate_video, probe_speech, train_animate
    from seehear.demo.match import measure_faces_and_voices, play_games, train_match
    from seehear.demo.page import DemoFacts, write_demo_page
    from seehear.demo.stages import Stages
    from seehear.demo.sync import measure_model, repair, run_dialogue, train_sync
    from seehear.models.store import load_sync_model

    workers = worker_count(workers)
    stage = Stages(count=12)
    out.mkdir(parents=True, exist_ok=True)
    people, corpus, lips, animation, matching = (out / name for name in ("people", "corpus", "run", "animate", "match"))
    with stage("making videos of synthetic people"):
        synthesize_avatars(
            people, clips=clips, speakers=speakers, seed=seed, neutral=NEUTRAL, workers=workers, progress=progress
        )
    with stage("preparing a corpus of their faces and voices"):
        prepare([people], corpus, workers=workers, progress=progress)
    with stage("training lip-sync"):
        sync = train_sync(corpus, lips, steps=steps, seed=seed, progress=progress)
    with stage("measuring it on unseen people"):
        held_out = Corpus(corpus).split("dev", by="speaker")
        sync_scores = measure_model(lips, corpus, held_out, seed=seed, progress=progress)
    with stage("finding and fixing a delay"):
        video = people / _longest_text(held_out)
        repaired = repair(video, out, load_sync_model(lips))
    with stage("finding the active speaker in a dialogue"):
        dialogue = run_dialogue(out, load_sync_model(lips), seed=seed)
    with stage("training animation"):
        animate_steps = max(1, round(ANIMATE_STEPS_RATIO * steps))
        animate = train_animate(corpus, animation, steps=animate_steps, seed=seed, progress=progress)
    with stage("probing its audio encoder for emotions and words"):
        probes = probe_speech(animation, corpus, progress)
    with stage("animating an unseen person"):
        held_out_animation = animate_held_out(animation, Corpus(corpus).split("dev", HELD_OUT, "speaker"), progress)
        animated = animate_video(video, out, animation, load_sync_model(lips))
    with stage("training on faces and voices"):
        match_steps = max(1, round(MATCH_STEPS_RATIO * steps))
        match = train_match(corpus, matching, steps=match_steps, seed=seed, progress=progress)
    with stage("measuring them on unseen people"):
        match_scores = measure_faces_and_voices(matching, corpus, progress)
        games = play_games(matching, corpus, people, seed=seed)
    with stage("writing the report"):
        facts = DemoFacts(
            people=len(set(held_out.labels("speaker"))),
            videos=clips,
            speakers=speakers,
            faces=[held_out[clip] for clip in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
            sync=sync,
            sync_scores=sync_scores,
            repair=repaired,
            dialogue=dialogue,
            animate=animate,
            speech_probes=probes,
            held_out_animation=held_out_animation,
            animated_video=animated,
            match=match,
            face_voice_scores=match_scores,
            games=games,
            seconds=stage.seconds,
        )
        page = out / "report.html"
        write_demo_page(page, facts)
    return DemoResult(page)


def _longest_text(held_out: Corpus) -> str:
    """Name of the video with the longest text, which has the most speech."""
    lengths = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[lengths.index(max(lengths))].meta["source"]).name
