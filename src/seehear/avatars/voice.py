"""Speech synthesis with eSpeak NG: samples with the times of words and phonemes.

This is the only file that uses eSpeak NG (GPL-3, an optional extra): the library inside the ``espeakng-loader`` wheel
is called through ctypes in retrieval mode, with events for words and phonemes.
"""

from __future__ import annotations

import _ctypes
import ctypes
import importlib.util
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError

# espeak_ng/speak_lib.h
_RETRIEVAL = 1


_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 1, 2, 0x8000


_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


_CHARACTER_POSITION, _UTF8 = 1, 1


_SAMPLES, _MARKS = ctypes.POINTER(ctypes.c_short), None


VOICELESS_CLOSURE_S = 0.05
"""eSpeak marks a voiceless stop at its release; its closure is the silence before, 45 to 60 ms in every voice measured
(mean energy around each mark, six voices). Voiced stops and nasals are marked at the closure."""


_VOICELESS_STOPS = set("ptkcqʈ")


PITCH_STEP = 0.0125
"""One step of eSpeak's pitch parameter in octaves, fitted on steps 20 to 80."""


@dataclass(frozen=True, slots=True)
class SyntheticVoice:
    """Parameters of a person's voice.

    Attributes:
        language: eSpeak's name of language and accent ("en-us", "fr", ...).
        variant: eSpeak's voice variant ("m3", "f2", "klatt4", ...), which determines sex, formants and roughness.
        pitch: 0..100, 50 is the variant's default.
        pitch_range: 0..100, 50 is the variant's default; low is monotone.
        words_per_minute: 80..320.
        tract: factor on all formants: > 1 is a shorter vocal tract.
        tilt, tremor, rough, breath: effects of age that eSpeak cannot produce, as in
            `seehear.avatars.emotion.Emotion`.
    """

    language: str
    variant: str
    pitch: float = 50.0
    pitch_range: float = 50.0
    words_per_minute: float = 165.0
    tract: float = 1.0
    tilt: float = 0.0
    tremor: float = 0.0
    rough: float = 0.0
    breath: float = 0.0


@dataclass(frozen=True, slots=True)
class TimedLabel:
    """A word or a phoneme (IPA) with its times in seconds."""

    text: str
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """Synthesised or recorded speech: float32 samples at 16 kHz, with words and phonemes on the samples' clock.

    A pause is a phoneme with an empty text.
    """

    samples: NDArray[np.float32]
    words: tuple[TimedLabel, ...]
    phonemes: tuple[TimedLabel, ...]


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Identity),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, _SAMPLES, ctypes.c_int, ctypes.POINTER(_Event))


def require_espeak() -> None:
    """Raise SeehearError with installation instructions if eSpeak NG is not installed."""
    if importlib.util.find_spec("espeakng_loader") is None:
        raise SeehearError("Avatars speak with eSpeak NG, which is not installed: pip install 'seehear[avatars]'.")


class _Espeak:
    """A fresh copy of the library, for one utterance.

    eSpeak keeps state between utterances (phase of the wave, random numbers, intonation), so that the same text would
    sound different the second time. Loading the library again (3 ms) makes an utterance depend only on its arguments.
    """

    def __enter__(self) -> _Espeak:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        flags = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate: int = self._library.espeak_Initialize(_RETRIEVAL, 0, data, flags)
        if self.sample_rate <= 0:
            raise SeehearError(f"eSpeak NG does not start with the data in {data.decode()}: reinstall espeakng-loader.")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        return self

    def __exit__(self, *_: object) -> None:
        self._library.espeak_Terminate()
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
        unload(self._library._handle)

    def say(self, voice: SyntheticVoice, text: str) -> tuple[NDArray[np.int16], list[tuple[int, int, int, int, str]]]:
        """Samples, and events (type, sample, position in the text, its length, IPA)."""
        chunks: list[NDArray[np.int16]] = []
        events: list[tuple[int, int, int, int, str]] = []

        def receive(samples: object, count: int, marks: object) -> int:
            if count > 0 and samples:
                chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            for event in marks:  # type: ignore[attr-defined]
                if event.type == _EVENT_END:
                    break
                ipa = bytes(event.id.string).rstrip(b"\0").decode("utf-8", "ignore")
                events.append((event.type, event.sample, event.text_position, event.length, ipa))
            return 0

        callback = _Callback(receive)
        self._library.espeak_SetSynthCallback(callback)
        name = f"{voice.language}+{voice.variant}"
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise SeehearError(f"eSpeak NG has no voice {name}")
        # resampling by the tract factor raises pitch and rate, so request less of both
        self._set(_PITCH, voice.pitch - np.log2(voice.tract) / PITCH_STEP)
        self._set(_RANGE, voice.pitch_range)
        self._set(_RATE, max(80.0, voice.words_per_minute / voice.tract))
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _CHARACTER_POSITION, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if not chunks:
            raise SeehearError(f"eSpeak NG cannot speak {text!r}")
        return np.concatenate(chunks), events

    def _set(self, parameter: int, value: float) -> None:
        self._library.espeak_SetParameter(parameter, round(max(0.0, value)), 0)


def synthesize_speech(voice: SyntheticVoice, text: str) -> Utterance:
    """Synthesise a text. The samples depend only on the arguments.

    Raises:
        SeehearError: eSpeak NG is not installed, does not know the voice, or finds nothing to say.
    """
    require_espeak()
    with _Espeak() as espeak:
        pcm, events = espeak.say(voice, text)
        source_rate = espeak.sample_rate * voice.tract
    samples = _resample(pcm.astype(np.float32) / 32768, SAMPLE_RATE / source_rate)
    end_s = len(samples) / SAMPLE_RATE
    phonemes = [(ipa, sample / source_rate) for kind, sample, _, _, ipa in events if kind == _EVENT_PHONEME]
    words = [
        (text[position - 1 : position - 1 + length], sample / source_rate)
        for kind, sample, position, length, _ in events
        if kind == _EVENT_WORD
    ]
    return Utterance(samples, _words(words, phonemes, end_s), _phonemes(phonemes, end_s))


def _resample(samples: NDArray[np.floating], ratio: float) -> NDArray[np.float32]:
    """Band-limited resampling by the discrete Fourier transform of the whole utterance."""
    count = round(len(samples) * ratio)
    padded = 1 << (max(len(samples), 2) - 1).bit_length()  # power of two, for speed; the tail is silence
    out = round(padded * ratio)
    spectrum = np.fft.rfft(samples, padded)
    resampled = np.zeros(out // 2 + 1, spectrum.dtype)
    shared = min(len(resampled), len(spectrum))
    resampled[:shared] = spectrum[:shared]
    return (np.fft.irfft(resampled, out)[:count] * (out / padded)).astype(np.float32)


def _phonemes(events: list[tuple[str, float]], end_s: float) -> tuple[TimedLabel, ...]:
    """Each phoneme lasts until the next; a voiceless stop starts with its closure, before eSpeak's mark."""
    starts = []
    for i, (ipa, start) in enumerate(events):
        if i > 0 and ipa.lstrip("ˈˌ")[:1] in _VOICELESS_STOPS:
            before, since = events[i - 1]
            room = (start - since) * (0.5 if before else 1.0)  # take all of a pause, but only half of a sound
            start -= min(VOICELESS_CLOSURE_S, room)
        starts.append(start)
    stops = [*starts[1:], end_s]
    return tuple(
        TimedLabel(ipa, start, stop)
        for (ipa, _), start, stop in zip(events, starts, stops, strict=True)
        if stop > start
    )


def _words(events: list[tuple[str, float]], phonemes: list[tuple[str, float]], end_s: float) -> tuple[TimedLabel, ...]:
    """Each word lasts until the next word or pause."""
    pauses = [start for ipa, start in phonemes if not ipa]
    starts = [start for _, start in events] + [end_s]
    words = []
    for (text, start), following in zip(events, starts[1:], strict=True):
        stop = min([pause for pause in pauses if pause > start] + [following, end_s])
        if text.strip() and stop > start:
            words.append(TimedLabel(re.sub(r"[^\w'’-]+$", "", text), start, stop))
    return tuple(words)
