"""Array functions with a contract and no parameters: warping, flows, resampling, colour."""
