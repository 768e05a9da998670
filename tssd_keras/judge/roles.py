"""The roles of samples, by number as the table keeps them and by name as people read them."""

ROLES = ("positive", "negative", "uncertain", "semi-hard", "floor", "decided")
# No round gives the last role: a person has decided on the sample.
POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD, FLOOR, DECIDED = range(len(ROLES))
