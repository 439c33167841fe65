"""The Debye sum over pairs of atoms in finite clusters of a crystal."""
