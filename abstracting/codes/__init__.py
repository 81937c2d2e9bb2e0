"""Code systems as types: topography, morphology, FIPS county, ICD, surgery."""
