"""Tables, figures and clips into one HTML file that needs nothing else."""

from seehear.report.html import Audio, Figure, Filmstrip, Gallery, Section, Table, Text, Video, write_report

__all__ = ["Audio", "Figure", "Filmstrip", "Gallery", "Section", "Table", "Text", "Video", "write_report"]
