"""Files of metrics understood: rows, columns, values, moments; what is not understood is refused with a reason."""
