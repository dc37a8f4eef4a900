"""Activations, outputs and losses."""
