"""What is trained on top of an encoder with the labels: as little as shows what its features know."""
