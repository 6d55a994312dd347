"""What runs graphs: the protocol of executors, the reference, compiled kernels."""
