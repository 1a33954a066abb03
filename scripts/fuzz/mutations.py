"""Damage bytes, text and JSON values, reproducibly."""

from __future__ import annotations

import json
import random
import re
import struct
from typing import Any

INTEGERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 62,
    (1 << 64) - 1,
)

BOXES = re.compile(
    rb"moov|mdat|trak|mdia|minf|stbl|stsd|stts|stsz|stco|co64|elst|edts|tkhd|mvhd|mdhd|ctts|stsc|stss|ftyp|free|hdlr"
    rb"|RIFF|fmt |data|LIST|idx1|strl|strh|strf|avih|fLaC|IHDR|IDAT|\x1a\x45\xdf\xa3|\x16\x54\xae\x6b|\x1f\x43\xb6\x75"
)

WORDS = (
    "nan", "-nan", "inf", "-inf", "1e999", "-1", "0", "1e308", "99999999999999999999999999", "null", "true", "[]", "{}",
    "''", '"', "\x00", "\ufeff", "\u202e", "é" * 9, "../" * 8 + "etc/passwd", "/etc/passwd", "C:\\x", "a" * 300,
    "[" * 3000, "{" * 3000, "!!python/object/apply:os.system ['touch decoy']", "!!python/name:os.system", "!!binary x",
    "!!timestamp 9999-99-99", "!!int x", "!!float .", "2001-99-99", "&a [*a]", "*nope", "<<: *a", "? [a]: b", "0x",
    "1_000", "0b2", "1:99:99", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 200_000, "\n" * 5000,
)  # fmt: skip


def _flip(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    for _n in range(rng.choice((1, 1, 2, 5, 20, 100))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _place(data: bytearray, rng: random.Random) -> int:
    """Headers matter more than contents: half of all places are in the first 512 or the last 512 bytes, or at a box."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randrange(min(512, len(data)))
    if kind == 1:
        return len(data) - 1 - rng.randrange(min(512, len(data)))
    if kind == 2 and (boxes := [match.start() for match in BOXES.finditer(data)]):
        return min(len(data) - 1, max(0, rng.choice(boxes) + rng.randrange(-4, 48)))
    return rng.randrange(len(data))


def _cut(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    return data[: _place(data, rng) if data else 0]


def _remove(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng) if data else 0
    return data[:start] + data[start + rng.choice((1, 3, 8, 100, 5000)) :]


def _double(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng) if data else 0
    piece = data[start : start + rng.choice((1, 8, 64, 512, 5000))]
    return data[:start] + piece * rng.choice((2, 2, 3, 50)) + data[start + len(piece) :]


def _splice(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    other = rng.choice(others)
    start, place = (_place(data, rng) if data else 0), (rng.randrange(len(other)) if other else 0)
    return data[:start] + other[place : place + rng.choice((16, 256, 4096, len(other)))] + data[start:]


def _integer(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    for _n in range(rng.choice((1, 1, 3))):
        width, order = rng.choice((1, 2, 4, 4, 4, 8)), rng.choice("<>")
        if len(data) > width:
            place = min(_place(data, rng), len(data) - width)
            value = rng.choice(INTEGERS) & ((1 << (8 * width)) - 1)
            data[place : place + width] = value.to_bytes(width, "little" if order == "<" else "big")
    return data


def _box(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Damage a box: its size, its name, itself twice, or not at all there."""
    boxes = [match.start() for match in BOXES.finditer(data)]
    if not boxes:
        return _integer(data, rng, [])
    at = rng.choice(boxes)
    kind = rng.randrange(4)
    if kind == 0 and at >= 4:
        data[at - 4 : at] = struct.pack(">I", rng.choice(INTEGERS) & 0xFFFFFFFF)
    elif kind == 1:
        data[at + 4 : at + 8] = struct.pack("<I", rng.choice(INTEGERS) & 0xFFFFFFFF)
    elif kind == 2:
        data[at : at + 4] = data[(other := rng.choice(boxes)) : other + 4]
    else:
        size = int.from_bytes(data[max(0, at - 4) : at], "big") % 5000 + 8
        piece = data[max(0, at - 4) : at - 4 + size]
        data[max(0, at - 4) : max(0, at - 4) + (0 if rng.random() < 0.5 else size)] = piece * rng.choice((0, 2, 3))
    return data


def _word(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Put a hostile word in the place of a value of a text."""
    text = data.decode("utf-8", "replace")
    values = list(re.finditer(r"[\w.+/-]+", text))
    word = rng.choice(WORDS)
    if not values or rng.random() < 0.2:
        place = rng.randrange(len(text) + 1)
        text = text[:place] + word + text[place:]
    else:
        hit = rng.choice(values)
        text = text[: hit.start()] + word + text[hit.end() :]
    return bytearray(text.encode("utf-8", "replace"))


def _line(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Move, double, drop, or deepen a line."""
    lines = data.split(b"\n")
    place, kind = rng.randrange(len(lines)), rng.randrange(5)
    if kind == 0:
        lines.insert(rng.randrange(len(lines)), lines[place])
    elif kind == 1:
        del lines[place]
    elif kind == 2:
        lines[place] = b"  " * rng.randrange(1, 5) + lines[place]
    elif kind == 3:
        lines[place] = lines[place].lstrip()
    else:
        lines[place] = lines[place] * rng.choice((2, 100))
    return bytearray(b"\n".join(lines))


def _encoding(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    text = data.decode("utf-8", "replace")
    return bytearray(text.encode(rng.choice(("utf-16", "utf-32", "utf-16-be", "cp037", "utf-7")), "replace"))


BINARY = (_flip, _flip, _cut, _remove, _double, _splice, _integer, _integer, _box)
TEXT = (_word, _word, _word, _word, _line, _line, _flip, _cut, _splice, _double, _encoding)


def mutate(seed: bytes, rng: random.Random, others: list[bytes], ways: tuple[Any, ...]) -> bytes:
    """One to four mutations of a file's bytes."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(ways)(data, rng, others)
    return bytes(data[: 8 << 20])


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Change one place in JSON values: another type, an extreme number, a missing or strange key."""
    odd = [
        None,
        True,
        -1,
        0,
        1 << 70,
        float("nan"),
        float("inf"),
        1e308,
        "",
        "x" * 5000,
        "../../etc",
        [],
        {},
        [[[]]],
        {"a": 1},
    ]
    odd += [1 << 30, 10**9, -(1 << 31), [1] * 1000, "sync", "\ud800"]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        kind = rng.random()
        if kind < 0.12:
            return {name: part for name, part in value.items() if name != key}
        if kind < 0.2:
            return value | {str(rng.choice(odd))[:50]: rng.choice(odd)}
        return value | {key: mutate_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(min(len(value), 50))
        return [*value[:place], mutate_value(value[place], rng), *value[place + 1 :]]
    return rng.choice(odd)


def as_json(value: Any) -> bytes:
    """With what JSON does not know, as Python writes it."""
    return json.dumps(value).encode()
