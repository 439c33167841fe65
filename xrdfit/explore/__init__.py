"""The page that needs no server: models, sliders and both engines in one HTML file."""

from xrdfit.explore.page import explore_page

__all__ = ["explore_page"]
