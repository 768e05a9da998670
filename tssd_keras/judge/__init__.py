"""Is this label right? Arrays in, arrays out; only `meta_classifier` loads Keras."""
