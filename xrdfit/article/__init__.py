"""The published work that this package makes repeatable, regenerated: tables, figures and checked statements.

White, Banerjee & Jain, "Liquid-like cationic sub-lattice in copper selenide clusters", Nature Communications (2017).
`make` writes everything; `xrdfit.article.physics` holds the relations of strain, phonons and pressure.
"""

from xrdfit.article.build import make

__all__ = ["make"]
