"""What the author of a scenario asks: which checks and keys there are, and whether it is good."""
