"""What is learned without labels: encoders, a batch and a loss make a pretext."""
