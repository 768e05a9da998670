"""One recipe, one run folder: written, read, compared."""
