"""metrics, daily learning, virality, best time to post."""
