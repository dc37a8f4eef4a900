"""Experiments: one file per question. `python -m experiments list` shows them."""
