"""Doing it: cells in processes or on a cluster, what says the most first, in a folder that can be gone on with."""
