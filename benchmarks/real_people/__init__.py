"""How well the tools and models work on real people whom no model was trained on: the parts of `strangers.py`."""
