"""Many samples, or one that changes: all scans of a series fitted, kept and looked at as one data set."""
