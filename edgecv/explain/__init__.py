"""`edgecv explain`: which pixels an answer comes from, on the trained model and on the files that ship."""
