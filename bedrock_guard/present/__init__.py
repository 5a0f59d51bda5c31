"""Evidence for people's eyes: tables, charts, and the few tables that the workbench and the reports both show."""
