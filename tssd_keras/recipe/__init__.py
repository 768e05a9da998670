"""What a run can say: sections and settings, read from TOML, with every mistake at once."""
