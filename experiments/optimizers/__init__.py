"""Momentum, adaptive rules, batches."""
