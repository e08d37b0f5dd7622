"""Forgetting for good, and what leaves the machine."""
