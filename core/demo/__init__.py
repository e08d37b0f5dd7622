"""Draws and encodes the demo's clips (seeded, no outside media) and plays the user who corrects them."""
