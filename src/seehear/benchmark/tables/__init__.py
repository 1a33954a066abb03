"""What was found: tables with intervals, marks and verdicts, as Markdown, LaTeX, CSV and text."""
