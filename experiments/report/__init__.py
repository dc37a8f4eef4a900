"""Every claim of the course with its verdict, as pages and as claims.json: `python -m experiments
report`.
"""
