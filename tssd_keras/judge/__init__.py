"""Is this label right? Arrays in, arrays out; only `meta_classifier` loads Keras.

In the order of a round: scores; neighbours, similarity, place (in feature space); mixture, divide
(two streams judge); threads, golden_head, noise_matrix, class_ranks, meta_features, meta_rows,
stand_ins, evidence, meta_classifier, calibrate, answers, settle, purify (trusted samples settle
what the streams leave open); without_golden (where there are none); table, rejected (what counts
in training); quality, record; streams, findings (for audits).
"""
