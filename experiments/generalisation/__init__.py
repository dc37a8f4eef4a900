"""Learning curves, capacity and what is learned beyond the training rows."""
