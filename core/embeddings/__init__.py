"""Vectors of samples and posts, and what is alike by them."""
