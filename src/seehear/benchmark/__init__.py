"""Which pretext is better, on which data, for which task, and how sure is that: whole tables with one command."""
