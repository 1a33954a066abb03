"""The page of the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seehear.clip import Clip
from seehear.demo.animate import (
    AnimatedVideo,
    HeldOutAnimation,
    SpeechProbes,
    animate_sections,
)
from seehear.demo.match import (
    FaceVoiceScores,
    GameResults,
    match_sections,
)
from seehear.demo.stages import jpeg
from seehear.demo.sync import (
    DialogueDemo,
    RepairDemo,
    SyncScores,
    TrainedModel,
    conversation_section,
    sync_sections,
)
from seehear.media.crops import mouth_region
from seehear.report.html import Filmstrip, Section, Table, Text, write_report

if TYPE_CHECKING:
    pass

NEXT_STEPS = """\
# is your video in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix -o film-in-sync.mp4
seehear sync *.mp4 --json

# train on your own recordings
seehear prepare videos/ -o corpus/
seehear pretrain corpus/ -o run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/

# train animate, and probe its audio encoder
seehear pretrain corpus/ -o animate/ --preset animate-small
seehear animate face.png speech.wav -o speaking.mp4 --model animate/
seehear evaluate emotion animate/ corpus/
seehear embed animate/ speech.wav -o features.npz

# who speaks when, is it the same voice, which face matches
seehear diarize panel.mp4 --video who-speaks.mp4
seehear verify monday.wav tuesday.wav
seehear match voice.wav anna.jpg ben.jpg carla.jpg
seehear pretrain corpus/ -o match/ --preset match-small
seehear evaluate speaker match/ corpus/
seehear evaluate facevoice match/ corpus/"""


@dataclass(frozen=True)
class DemoFacts:
    """Contents of the page.

    Attributes:
        videos, speakers: number of videos and of synthetic people
        people: number of people held out from lip-sync
        faces: clips of some of them
        sync, sync_scores, repair: lip-sync
        dialogue: active speaker detection in a dialogue
        animate, speech_probes, held_out_animation, animated_video: animation
        match, face_voice_scores, games: faces and voices
        seconds: duration of each stage, by name
    """

    videos: int
    speakers: int
    people: int
    faces: Sequence[Clip]
    sync: TrainedModel
    sync_scores: SyncScores
    repair: RepairDemo
    dialogue: DialogueDemo
    animate: TrainedModel
    speech_probes: SpeechProbes
    held_out_animation: HeldOutAnimation
    animated_video: AnimatedVideo
    match: TrainedModel
    face_voice_scores: FaceVoiceScores
    games: GameResults
    seconds: Mapping[str, float]


def write_demo_page(path: Path, facts: DemoFacts) -> None:
    """Write the demo's page as one HTML file."""
    accuracy = facts.sync_scores.accuracy
    best = accuracy.by_length[-1]
    lead = (
        f"A model trained only on {facts.speakers - facts.people} synthetic people finds the matching audio for lips "
        f"in {best.accuracy:.1%} of cases ({best.frames} frames, chance {accuracy.chance:.1%}) on {facts.people} "
        "unseen people. A second one animates still faces, and a third one matches faces and voices."
    )
    sections = [
        _people(facts),
        *sync_sections(facts.sync, facts.sync_scores, facts.repair),
        conversation_section(facts.dialogue),
        *animate_sections(facts.animate, facts.speech_probes, facts.held_out_animation, facts.animated_video),
        *match_sections(facts.match, facts.face_voice_scores, facts.games),
        _next(facts),
    ]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    faces = [jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    text = (
        f"{facts.videos} videos of {facts.speakers} people were rendered and synthesised on this machine, with labels "
        "of text, voice, face and emotion. They were prepared like any video: faces detected, tracked, aligned and "
        "cropped."
    )
    strips = [
        Filmstrip(faces, "Held-out people, as the models get them (128 x 128 pixels, 25 frames per second)."),
        Filmstrip(mouths, "One of them speaking: the region used by the lip encoder, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(text), *strips])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "time"), rows, "Of this run; parts that an earlier run had finished took no time.")
    return Section("Timing, and next steps", [table, Text(NEXT_STEPS, code=True)])
