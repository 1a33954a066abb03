"""What is asked: a plan from YAML, its variants and sweeps, and the cells that they need."""
