"""Experiments: a folder for each topic, a file for each question.

`python -m experiments list` shows them.
"""
