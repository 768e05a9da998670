"""Samples by index: arrays, images on disk, public data sets."""
