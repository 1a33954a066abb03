"""What encoders are worth: each task turns a model and labelled or paired clips into a number with its interval."""
