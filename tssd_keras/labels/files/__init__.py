"""Label files that somebody else made: formats, order, reading."""
