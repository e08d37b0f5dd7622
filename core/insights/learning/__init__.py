"""Daily learning: the findings of a day put together, worded and kept as a report."""
