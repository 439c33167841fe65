"""`xrdfit app`: a page in the browser, served to this computer alone, with the package behind it."""
