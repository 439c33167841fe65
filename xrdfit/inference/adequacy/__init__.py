"""Is the model enough? What the scan asks for beyond it, and what it cannot rule out."""
