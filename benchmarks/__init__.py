"""glassgrad side by side with others: the speed of a step, memory, first steps, whole jobs.

``python -m benchmarks --help`` says what can be measured; README.md beside this file, how.
"""
