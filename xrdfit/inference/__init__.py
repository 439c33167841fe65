"""From a model and a scan to an answer, and what the answer is worth."""
