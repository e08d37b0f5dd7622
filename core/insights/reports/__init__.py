"""Learning reports as data and as files; what stands in them is made in core.insights.learning."""
