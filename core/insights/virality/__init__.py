"""What a planned post will do: seed 001's formula, models fitted on the user's own posts, and which one answers."""
