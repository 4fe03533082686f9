"""The Neural GPU (Kaiser and Sutskever 2016) on algorithms."""
