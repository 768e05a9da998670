"""Given, true, trusted and decided labels of the samples."""
