"""What Insights shows, one module per view: frozen readings, taken in a thread."""
