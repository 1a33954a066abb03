"""From a corpus and a pretext to a run: the loop, its checkpoints, and models by name."""
