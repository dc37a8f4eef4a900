"""Hand-written gradients of small networks, the faults that are planted in them, and the rivals
that look for them.
"""
