"""Bringing openly licensed data sets: over connections that break, from servers that err, whole or not at all."""
