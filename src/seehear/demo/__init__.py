"""All of it in minutes, on synthetic people, and a page that tells what happened."""

from seehear.demo.tour import demo

__all__ = ["demo"]
