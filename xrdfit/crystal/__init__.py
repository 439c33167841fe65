"""What scatters: symmetry, structures and their CIFs, scattering factors and the lines of a tube."""
