"""What the functions share; copied into each zip as the package `common`."""
