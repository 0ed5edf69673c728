"""The demonstration behind `make demo`: deploy the reference project on the embedded AWS and put orders through it."""
