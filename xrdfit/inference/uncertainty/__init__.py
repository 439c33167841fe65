"""How sure a number is: covariance, profiles, intervals, posterior, systematic shifts."""
