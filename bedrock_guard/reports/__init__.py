"""Unattended reports: papermill runs a notebook, one self-contained page and its figures come out."""
