"""The workbench: state in traitlets, views in ipywidgets. No AWS call and no arithmetic in a view."""
