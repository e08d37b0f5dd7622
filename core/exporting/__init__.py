"""Corrections, clips and versions in the formats of other programs, and back."""
