"""Items of flexible workers, at the agency's counter."""
