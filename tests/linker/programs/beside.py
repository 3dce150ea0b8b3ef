"""A module beside the program."""

SECRET = "beside"
