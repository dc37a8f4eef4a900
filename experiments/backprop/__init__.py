"""Backpropagation: the equations as printed and as they are."""
