"""What is asked about, in which order, and what an answer means."""
