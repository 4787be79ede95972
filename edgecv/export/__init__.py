"""`edgecv export`: a bundle goes into an app's project."""
