"""One's own data: digits, arrays, a folder, a table of images."""
