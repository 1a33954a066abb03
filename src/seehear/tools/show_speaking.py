"""Who speaks when, for people: a table of turns for one film, a line each for many."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.clip import FPS
from seehear.media.weights import SFACE, find_weights
from seehear.tools.face_model import HOW_TO_GET
from seehear.tools.in_order import Tried
from seehear.tools.spoken import Spoken
from seehear.tools.verdict import delay_in_words

TURNS_SHOWN = 60


def show_turns(console: Console, spoken: Spoken) -> None:
    """One film: its people, and every turn with its times."""
    film = spoken.film
    if film.reason:
        console.print(Text(f"{film.path}: nobody is seen to speak: {film.reason}"), soft_wrap=True)
        return
    people = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("who", "speaks", "turns", "track numbers"):
        people.add_column(title, justify="left" if title in ("who", "track numbers") else "right")
    for person in spoken.to_json()["people"]:
        tracks = ", ".join(map(str, person["tracks"]))
        people.add_row(Text(person["person"]), f"{person['speaking_s']:.1f} s", str(person["turns"]), tracks)
    console.print(people)
    console.print()
    turns = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("from", "to", "who", "probability"):
        turns.add_column(title, justify="left" if title == "who" else "right")
    for turn in spoken.turns[:TURNS_SHOWN]:
        name = Text(spoken.names[turn.person])
        turns.add_row(_clock(turn.start_s), _clock(turn.end_s), name, f"{turn.probability:.2f}")
    console.print(turns)
    if len(spoken.turns) > TURNS_SHOWN:
        console.print(f"and {len(spoken.turns) - TURNS_SHOWN} more (--json and --rttm have them all)")
    console.print(f"{_aside(spoken)}Pauses of up to 0.3 s belong to a turn.", style="dim")
    advice = "" if spoken.face_model or find_weights(SFACE) else f"; to tell them apart by face, {HOW_TO_GET}"
    console.print(Text(f"People are told apart {spoken.told_apart}{advice}.", style="dim"), soft_wrap=True)


def show_film(console: Console, tried: Tried[Spoken]) -> None:
    """One film of many on one line."""
    if tried.found is None:
        console.print(Text.assemble((f"{'failed':<12}", "bold red"), tried.error or ""), soft_wrap=True)
        return
    spoken = tried.found
    if spoken.film.reason:
        console.print(Text(f"{'nobody':<12}{spoken.film.path} ({spoken.film.reason})"), soft_wrap=True)
        return
    said = ", ".join(f"{who['person']} {who['speaking_s']:.1f} s" for who in spoken.to_json()["people"])
    count = f"{len(spoken.turns)} turn{'s' * (len(spoken.turns) != 1)}"
    console.print(Text(f"{count:<12}{spoken.film.path}: {said}"), soft_wrap=True)


def _aside(spoken: Spoken) -> str:
    """What else there is to know."""
    film, said = spoken.film, ""
    if film.sound and (film.sound.of > 1 or film.sound.channel):
        said += f"Listened to: {film.sound}. "
    said += "".join(f"Caution: {caution}. " for caution in film.cautions)
    unseen_s = float((film.unseen >= 0.5).sum()) / FPS
    if unseen_s >= 0.5:
        said += f"For {unseen_s:.1f} s somebody speaks who is not seen. "
    if film.delay_ms:
        said += f"The sound is about {delay_in_words(film.delay_ms)}, which is allowed for. "
    return said


def _clock(seconds: float) -> str:
    """Minutes, seconds and hundredths."""
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{int(minutes)}:{rest:05.2f}"
