"""When to post: hours and weekdays compared, or the answer that no difference is shown yet."""
