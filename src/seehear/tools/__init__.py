"""What the models are for: answers about files, and fixed files."""
