"""Broadened Bragg lines: reflections, structure factors, widths and profiles."""
