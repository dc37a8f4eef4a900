"""Starts, and what flows through deep networks."""
