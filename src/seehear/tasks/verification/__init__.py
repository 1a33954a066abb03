"""Are two of them of one person: pairs, scores, and what can be said of them."""
