"""Files in, arrays out and back: decoding, the time base, sound, shots, faces, tracks, crops and muxing."""
