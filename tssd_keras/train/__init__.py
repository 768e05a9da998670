"""Training with sample weights that rounds rewrite."""
