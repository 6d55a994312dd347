"""Programs that nothing was tuned with: the doctor is judged by them."""
