"""The CPU executor: passes over the graph, generated kernels, a team of threads."""
