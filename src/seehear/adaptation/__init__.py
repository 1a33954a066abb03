"""A shipped model, trained further on somebody's own unlabelled videos, with proof of what that gained."""
