"""The pipeline: a whole run, its stages in order, planning, and single steps on a dataset."""
