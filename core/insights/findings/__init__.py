"""What went with more or less among a user's posts, and what holds up against chance. Knows no files and no store."""
