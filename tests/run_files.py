"""`builders.run_files` under the name by which `shared/cases` import it."""

from builders.run_files import write_run

__all__ = ["write_run"]
