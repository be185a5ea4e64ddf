"""The scorer: a classifier trained on labels that predicts quality scores."""
