"""The commands (DESIGN 9), a module per kind; each imports what it needs inside, so `--help` stays quick."""
