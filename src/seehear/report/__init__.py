"""Tables, figures and clips into one HTML file that needs nothing else."""

from seehear.report.html import Figure, Filmstrip, Section, Table, Text, Video, write_report

__all__ = ["Figure", "Filmstrip", "Section", "Table", "Text", "Video", "write_report"]
