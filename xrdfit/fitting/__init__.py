"""One least-squares problem: what is asked for, what moves, and where its minima lie."""
