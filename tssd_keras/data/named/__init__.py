"""Public data sets, found or prepared on this machine."""
