"""Clusters as lists of atoms: carved out of a crystal, read from files, and their exact patterns."""
