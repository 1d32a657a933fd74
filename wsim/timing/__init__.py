"""Event loops of other times than the wall's, and one punctual timer a loop."""
