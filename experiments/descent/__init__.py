"""Gradient descent on landscapes."""
