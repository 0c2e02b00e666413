"""Where training data come from: programs that draw them, and readers of real datasets."""
