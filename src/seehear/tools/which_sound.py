"""Which of a file's sounds belongs to the lips: of several streams, or of channels that are nothing alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seehear.media.sound import Sound
from seehear.media.sound_part import others_in_words
from seehear.tools.measurement import Measurement, OtherSound
from seehear.tools.verdict import Verdict


def choose_sound(found: Sequence[Measurement], sounds: Sequence[Sound]) -> Measurement:
    """The measurement that is most likely right, with what the others say; of equals the first.

    Args:
        found: one of each sound, of the first as a player would choose it. The confidence of the others allows for
            their number (`seehear.tools.confidence.Calibration.among`).
        sounds: that they were made on.
    """
    best = max(range(len(found)), key=lambda place: (found[place].confidence, -place))
    chosen, sound = found[best], sounds[best]
    rest = tuple(
        OtherSound(other.part, measured.delay_ms, measured.confidence)
        for place, (measured, other) in enumerate(zip(found, sounds, strict=True))
        if place != best and other.part
    )
    reason = chosen.reason
    if chosen.verdict is Verdict.CANNOT_TELL and rest:
        every = ", ".join(other.part.short for other in sounds if other.part)
        reason = f"{reason}; none of the file's sounds agrees with the lips: {every}"
    elif chosen.verdict is Verdict.CANNOT_TELL:
        reason += others_in_words(sound.part, sound.others)
    return replace(chosen, reason=reason, sound=sound.part, other_sounds=rest, cautions=sound.cautions)
