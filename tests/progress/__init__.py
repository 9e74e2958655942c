"""What is seen while uploads run."""
