"""Models and instruments as files: the written schema, reading, writing, merging, presets."""
