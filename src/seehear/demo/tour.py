"""The demo from beginning to end, and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.avatars.make import synthesize_avatars
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.demo.animate import (
    HELD_OUT,
    AnimatedFilm,
    HeldOutAnimation,
    SpeechProbes,
    animate_film,
    animate_sections,
    draw_held_out,
    learn_to_animate,
    probe_speech,
)
from seehear.demo.match import (
    FaceVoiceScores,
    GamesPlayed,
    learn_to_match,
    match_sections,
    measure_faces_and_voices,
    play_games,
)
from seehear.demo.stages import Stages, jpeg
from seehear.demo.sync import (
    DialogueDemo,
    RepairDemo,
    SyncScores,
    TrainedModel,
    conversation_section,
    learn_sync,
    measure_model,
    repair,
    run_dialogue,
    sync_sections,
)
from seehear.media.crops import mouth_region
from seehear.models.store import load_sync_model
from seehear.parallel import worker_count
from seehear.report.html import Filmstrip, Section, Table, Text, write_report
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

HOW_TO_GO_ON = """\
# is a film of yours in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix film-in-sync.mp4
seehear sync *.mp4 --json

# learn from recordings of your own
seehear prepare videos/ corpus/
seehear pretrain corpus/ run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/

# learn to animate, and read out what that ear knows
seehear pretrain corpus/ animate/ --preset animate-small
seehear animate face.png speech.wav --out speaking.mp4 --model animate/
seehear evaluate emotion animate/ corpus/
seehear embed animate/ speech.wav --out features.npz

# who speaks when, is it the same voice, whose face goes with it
seehear speaking panel.mp4 --video who-speaks.mp4
seehear verify monday.wav tuesday.wav
seehear match voice.wav anna.jpg ben.jpg carla.jpg
seehear pretrain corpus/ match/ --preset match-small
seehear evaluate speaker match/ corpus/
seehear evaluate facevoice match/ corpus/"""


@dataclass(frozen=True)
class DemoFacts:
    """All that the page tells.

    Attributes:
        films, speakers: how many videos of how many synthetic people were made.
        people: how many of them were held out from lip-sync.
        faces: some of their clips, to be looked at.
        sync, worth, repair: of lip-sync.
        conversed: who speaks in a film of two, by lip-sync.
        animate, ear, drawn, spoken: of animation.
        match, known, played: of faces and voices.
        seconds: that each stage took, by name.
    """

    films: int
    speakers: int
    people: int
    faces: Sequence[Clip]
    sync: TrainedModel
    sync_scores: SyncScores
    repair: RepairDemo
    conversed: DialogueDemo
    animate: TrainedModel
    speech_probes: SpeechProbes
    drawn: HeldOutAnimation
    animated_film: AnimatedFilm
    match: TrainedModel
    face_voice_scores: FaceVoiceScores
    played: GamesPlayed
    seconds: Mapping[str, float]


def write_demo_page(path: Path, facts: DemoFacts) -> None:
    """Tell the demo's story as one HTML file."""
    accuracy = facts.sync_scores.accuracy
    best = accuracy.by_length[-1]
    lead = (
        f"A model that has seen nothing but {facts.speakers - facts.people} synthetic people finds the moment of sound "
        f"that belongs to a moment of lips in {best.accuracy:.1%} of cases ({best.frames} frames, chance "
        f"{accuracy.chance:.1%}) on {facts.people} people it has never seen. Another one makes their still faces "
        "speak, and a third one asks which face belongs to which voice."
    )
    sections = [
        _people(facts),
        *sync_sections(facts.sync, facts.sync_scores, facts.repair),
        conversation_section(facts.conversed),
        *animate_sections(facts.animate, facts.speech_probes, facts.drawn, facts.animated_film),
        *match_sections(facts.match, facts.face_voice_scores, facts.played),
        _next(facts),
    ]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    pictures = [jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    said = (
        f"{facts.films} films of {facts.speakers} people were drawn and spoken by this machine, with text, voice, face "
        "and emotion labelled. They were prepared like any video: faces found, followed, straightened and cut out."
    )
    strips = [
        Filmstrip(pictures, "Held-out people, as the models see faces (128 x 128 pixels, 25 a second)."),
        Filmstrip(mouths, "One of them speaking: the region that the lip encoder looks at, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(said), *strips])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "took"), rows, "Of this run; what an earlier run had done took no time.")
    return Section("Where the time went, and how to go on", [table, Text(HOW_TO_GO_ON, code=True)])


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
) -> DemoResult:
    """See all of seehear in about nine minutes on two cores, and read what happened in a report.

    Makes synthetic talking people and prepares a corpus of them. A first small model learns lip-sync from nothing; it
    is measured on people that it has not seen, finds that the sound of a clip is late, and fixes it, and tells who of
    two people speaks when. A second one learns to animate a still face; it makes somebody unseen speak, and its ear is
    read out on emotions and words. A third one learns which face belongs to which voice, and is measured on people that
    it has never met. What is done is not done again when the same command is given again.

    Args:
        out: folder for everything that is made; report.html is the page to open.
        clips: videos of synthetic people, three seconds each.
        speakers: different people among them.
        steps: training steps of lip-sync; the others take a quarter more (animation) and two fifths less (voices).
        seed: decides everything.
        workers: processes; by default one per core.

    """
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
            faces=[held_out[place] for place in np.linspace(0, len(held_out) - 1, SHOWN).astype(int).tolist()],
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
    """Name of the film in which most is said: the more is said, the more there is to see and to measure."""
    said = [len(text or "") for text in held_out.labels("text")]
    return Path(held_out[int(np.argmax(said))].meta["source"]).name
