"""Experiments, a folder for each topic, one file per question. `python -m experiments list` shows
them.
"""
