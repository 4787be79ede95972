import EdgeCV
